/** A file that says who uses a directory: two processes on one database and one tree of blobs would destroy both. */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { SkiffError } from "../lib/errors.ts";
import { LOCK } from "./constants.ts";
import type { Kernel } from "./kernel.ts";

/**
 * Locks `path` as long as this process lives (the kernel lets go when it dies) and writes its pid there.
 * @throws failed_precondition with what `refusal` makes of the holder's pid
 */
export function holdLockFile(kernel: Kernel, path: string, refusal: (holder: string) => string): void {
  const fd = openSync(path, "a+", 0o600);
  if (!kernel.flock(fd, LOCK.EX | LOCK.NB)) {
    closeSync(fd);
    throw new SkiffError("failed_precondition", refusal(readFileSync(path, "utf8").trim()));
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
}
