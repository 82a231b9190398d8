/** One skiff-containerd per root: two on one database and one tree of blobs would destroy both. */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { LOCK } from "../../kernel/constants.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { SkiffError } from "../../lib/errors.ts";

/**
 * Locks `<root>/lock` as long as this process lives (the kernel lets go when it dies) and writes its pid there.
 * Throws `failed_precondition` naming the holder.
 */
export function lockRoot(kernel: Kernel, root: string): void {
  const path = join(root, "lock");
  const fd = openSync(path, "a+", 0o600);
  if (!kernel.flock(fd, LOCK.EX | LOCK.NB)) {
    closeSync(fd);
    const holder = readFileSync(path, "utf8").trim();
    throw new SkiffError(
      "failed_precondition",
      `lock ${root}: in use by another skiff-containerd (pid ${holder})`,
    );
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
}
