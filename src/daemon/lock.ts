/** One skiffd per data root, and its pidfile. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Kernel } from "../kernel/kernel.ts";
import { holdLockFile } from "../kernel/lock-file.ts";
import { processStartTime } from "../kernel/processes.ts";
import { SkiffError } from "../lib/errors.ts";

/** `<dataRoot>/skiffd.lock`. @throws failed_precondition naming the data root and the holder. */
export function lockDataRoot(kernel: Kernel, dataRoot: string): void {
  holdLockFile(
    kernel,
    join(dataRoot, "skiffd.lock"),
    (holder) => `data root ${dataRoot} is in use by another skiffd (pid ${holder})`,
  );
}

function isSkiffd(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("skiffd");
  } catch {
    return false;
  }
}

/** "" writes none. @throws failed_precondition when the process it names still runs. */
export function writePidfile(path: string): void {
  if (path === "") return;
  let pid = 0;
  try {
    pid = Number.parseInt(readFileSync(path, "utf8"), 10);
  } catch {
    // None there.
  }
  // A pid is used again after a crash; only another daemon counts.
  if (pid > 0 && pid !== process.pid && processStartTime(pid) !== undefined && isSkiffd(pid))
    throw new SkiffError(
      "failed_precondition",
      `ensure skiffd is not running or delete ${path}: process with PID ${pid} is still running`,
    );
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, `${process.pid}`, { mode: 0o644 });
}

export function removePidfile(path: string): void {
  if (path !== "") rmSync(path, { force: true });
}
