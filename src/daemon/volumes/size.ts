/** Bytes of a directory tree, counted as dockerd counts a volume (lengths of files, hard links once); the tree's own links are not followed. Lets others run in between. */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

const ENTRIES_MAX = 5_000_000;

export async function treeBytes(root: string): Promise<number> {
  const seen = new Set<string>();
  const directories = [root];
  let bytes = 0;
  let entries = 0;
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    const found = await readdir(directory, { withFileTypes: true }).catch(() => []);
    for (const entry of found) {
      if ((entries += 1) > ENTRIES_MAX) return bytes;
      const path = join(directory, entry.name);
      const status = await lstat(path).catch(() => undefined);
      if (status === undefined) continue;
      const key = `${status.dev}:${status.ino}`;
      if (status.nlink > 1 && !status.isDirectory() && seen.has(key)) continue;
      seen.add(key);
      if (entry.isDirectory()) directories.push(path);
      else bytes += status.size;
    }
  }
  return bytes;
}
