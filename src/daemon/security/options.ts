/** `--security-opt`, read once at create (errors) and again at start (effect). */
import { SkiffError } from "../../lib/errors.ts";

export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** `unconfined`, `builtin`, or a profile as JSON text; "" is the default. */
  readonly seccomp: string;
  /** Profile's name; "" is the default. */
  readonly apparmor: string;
  readonly writableCgroups: boolean | undefined;
}

function parseBoolean(option: string, value: string): boolean {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(value)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(value)) return false;
  throw new SkiffError("invalid_argument", `invalid --security-opt 2: "${option}"`);
}

/** `key=value`, the older `key:value`, or a word. The user's words come back in the error. */
function split(option: string): readonly [string, string | undefined] {
  const separator = option.includes("=") ? "=" : ":";
  const index = option.indexOf(separator);
  return index < 0 ? [option, undefined] : [option.slice(0, index), option.slice(index + 1)];
}

/** @throws invalid_argument in dockerd's words (`invalid --security-opt 2: "x"`). */
export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  let parsed: SecurityOptions = {
    noNewPrivileges: false,
    seccomp: "",
    apparmor: "",
    writableCgroups: undefined,
  };
  for (const option of options) {
    const [key, value] = split(option);
    if (key === "disable") continue;
    if (key === "no-new-privileges")
      parsed = { ...parsed, noNewPrivileges: value === undefined || parseBoolean(option, value) };
    else if (key === "writable-cgroups")
      parsed = { ...parsed, writableCgroups: value === undefined || parseBoolean(option, value) };
    else if (value === undefined)
      throw new SkiffError("invalid_argument", `invalid --security-opt 1: "${option}"`);
    else if (key === "seccomp") parsed = { ...parsed, seccomp: value };
    else if (key === "apparmor") parsed = { ...parsed, apparmor: value };
    // SELinux labels: accepted and without effect on a kernel without SELinux, as dockerd without --selinux-enabled.
    else if (key !== "label")
      throw new SkiffError("invalid_argument", `invalid --security-opt 2: "${option}"`);
  }
  return parsed;
}
