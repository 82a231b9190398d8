/** What may be said about a volume, refused in the words of dockerd's local driver. */
import { SkiffError } from "../../lib/errors.ts";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const OPTIONS = ["type", "o", "device", "size"];
/** An option and those it needs beside it. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  device: ["type"],
  type: ["device"],
  o: ["device", "type"],
};

const invalid = (text: string) => new SkiffError("invalid_argument", text);

export function checkVolumeName(name: string): void {
  if (name.length === 1)
    throw invalid("volume name is too short, names should be at least two alphanumeric characters");
  if (!NAME.test(name))
    throw invalid(
      `"${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. ` +
        "If you intended to pass a host directory, use absolute path",
    );
}

export function checkVolumeOptions(options: Readonly<Record<string, string>>): void {
  for (const option of Object.keys(options))
    if (!OPTIONS.includes(option)) throw invalid(`invalid option: "${option}"`);
  if (options["size"] !== undefined) throw invalid("quota size requested but no quota support");
  for (const [option, needed] of Object.entries(NEEDS)) {
    if (options[option] === undefined) continue;
    const missing = needed.find((name) => options[name] === undefined);
    if (missing !== undefined) throw invalid(`missing required option: "${missing}"`);
  }
}
