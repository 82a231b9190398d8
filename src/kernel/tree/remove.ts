/** Removes a name and all below it, by descriptors; mounts are not crossed into. */
import { readdirSync } from "node:fs";
import { decodeName } from "../../lib/bytes.ts";
import { AT, O } from "../constants.ts";
import { errnoOf, unless } from "../errno.ts";
import type { Kernel } from "../kernel.ts";

const LIST = O.RDONLY | O.DIRECTORY | O.NOFOLLOW;

/** Names in an open directory. */
export function namesIn(fd: number): string[] {
  return readdirSync(`/proc/self/fd/${fd}`, { encoding: "buffer" }).map(decodeName);
}

/** Missing is fine. */
export function removeTree(kernel: Kernel, directory: number, base: string): void {
  try {
    kernel.unlinkat(directory, base, 0);
    return;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT") return;
    if (errno !== "EISDIR" && errno !== "EPERM") throw error;
  }
  const inside = kernel.openat(directory, base, LIST, 0);
  try {
    for (const name of namesIn(inside)) removeTree(kernel, inside, name);
  } finally {
    kernel.close(inside);
  }
  unless(["ENOENT"], () => kernel.unlinkat(directory, base, AT.REMOVEDIR));
}
