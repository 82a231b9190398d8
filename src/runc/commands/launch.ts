/** What `create` and `run` share: their flags, and the terminal's two ways. */
import { writeFileSync } from "node:fs";
import type { Process } from "../../contracts/oci/spec.ts";
import { SkiffError } from "../../lib/errors.ts";
import { type CreateOptions, createPlan } from "../container/create.ts";
import { preservedFds, type RuncContext } from "../context.ts";
import { BOOLEAN, type Parsed, VALUE } from "../options.ts";
import { encodePlan } from "../plan/encode.ts";

export const CREATE_FLAGS = {
  bundle: { ...VALUE, short: "b" },
  // crun's name; its suite and some scripts use it.
  config: { ...VALUE, short: "f" },
  "console-socket": VALUE,
  "pid-file": VALUE,
  "no-pivot": BOOLEAN,
  "no-new-keyring": BOOLEAN,
  "preserve-fds": VALUE,
};

export interface Prepared {
  readonly plan: Uint8Array;
  readonly process: Process;
  readonly preserveFds: number;
  readonly hasPoststart: boolean;
}

/** Compiles the bundle and stores the state. */
export function prepare(context: RuncContext, parsed: Parsed, id: string, ungated: boolean): Prepared {
  const preserved = preservedFds(parsed.value("preserve-fds"));
  const config = parsed.value("config");
  const options: CreateOptions = {
    ...{ id, ungated, bundle: parsed.value("bundle") ?? ".", traceparent: "" },
    noPivotRoot: parsed.has("no-pivot"),
    noNewKeyring: parsed.has("no-new-keyring"),
    preserveFds: preserved.count,
    extraEnv: preserved.env,
    systemdCgroup: context.systemdCgroup,
    warn: context.log.warn,
    ...(config === undefined ? {} : { config }),
  };
  const { plan, request } = createPlan(context.root, options);
  return {
    plan: encodePlan(plan),
    process: request.spec.process!,
    preserveFds: preserved.count,
    hasPoststart: (request.spec.hooks?.poststart?.length ?? 0) > 0,
  };
}

export function checkConsole(process: Process, socket: string | undefined, detached: boolean): void {
  if (process.terminal === true && detached && socket === undefined) {
    throw new SkiffError(
      "invalid_argument",
      "cannot allocate tty if runc will detach without setting console socket",
    );
  }
  if (process.terminal !== true && socket !== undefined) {
    throw new SkiffError(
      "invalid_argument",
      "cannot use console socket if runc will not detach or allocate tty",
    );
  }
}

export function writePidFile(path: string | undefined, pid: number): void {
  if (path !== undefined) writeFileSync(path, String(pid), { mode: 0o644 });
}
