/** One skiffd per data root, and its pidfile. */
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { LOCK } from "../kernel/constants.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { processStartTime } from "../kernel/processes.ts";
import { SkiffError } from "../lib/errors.ts";

/**
 * Locks `<dataRoot>/skiffd.lock` as long as this process lives (the kernel lets go when it dies) and writes its pid there.
 * @throws failed_precondition naming the data root and the holder.
 */
export function lockDataRoot(kernel: Kernel, dataRoot: string): void {
  const path = join(dataRoot, "skiffd.lock");
  const fd = openSync(path, "a+", 0o600);
  if (!kernel.flock(fd, LOCK.EX | LOCK.NB)) {
    closeSync(fd);
    const holder = readFileSync(path, "utf8").trim();
    throw new SkiffError(
      "failed_precondition",
      `data root ${dataRoot} is in use by another skiffd (pid ${holder})`,
    );
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
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
