/** What builds of a daemon that was killed have left: mounts and contexts. Called before the first build. */
import { existsSync, readdirSync } from "node:fs";
import type { Kernel } from "../../kernel/kernel.ts";
import { removeBeside } from "../../kernel/tree/beside.ts";
import { unmount } from "../../kernel/tree/mount.ts";

/** The list is made at once, so that builds that begin meanwhile are none of it. */
export async function removeLeftovers(kernel: Kernel, directory: string): Promise<void> {
  const names = existsSync(directory) ? readdirSync(directory) : [];
  for (const name of names) {
    unmount(kernel, `${directory}/${name}`);
    await removeBeside(kernel, directory, name);
  }
}
