/** Identifiers and labels as containerd accepts them (pkg/identifiers, pkg/labels of containerd 1.7). */
import { SkiffError } from "../../lib/errors.ts";

const IDENTIFIER_MAX = 76;
const IDENTIFIER = /^[A-Za-z0-9]+(?:[-._][A-Za-z0-9]+)*$/;
/** Key and value of a label together, in bytes. */
const LABEL_BYTES_MAX = 4096;

/** Throws `invalid_argument` unless `value` is letters and digits joined by single `-`, `.` or `_`, at most 76 of them. */
export function checkIdentifier(value: string, what: string): void {
  if (value === "") throw new SkiffError("invalid_argument", `${what}: identifier must not be empty`);
  if (value.length > IDENTIFIER_MAX) {
    throw new SkiffError(
      "invalid_argument",
      `${what} "${value}": identifier greater than maximum length (${IDENTIFIER_MAX} characters)`,
    );
  }
  if (!IDENTIFIER.test(value)) {
    throw new SkiffError(
      "invalid_argument",
      `${what} "${value}": identifier must match ${IDENTIFIER.source}`,
    );
  }
}

/** Throws `invalid_argument` when a label is too long. */
export function checkLabels(labels: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(labels)) {
    if (Buffer.byteLength(key) + Buffer.byteLength(value) > LABEL_BYTES_MAX) {
      throw new SkiffError(
        "invalid_argument",
        `label ${JSON.stringify(key.slice(0, 64))}: key and value exceed ${LABEL_BYTES_MAX} bytes`,
      );
    }
  }
}
