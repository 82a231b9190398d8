/** What one tree has over another, name by name, for trees that keep no account of their own. A file counts as changed by its metadata. */
import { AT, O, S } from "../../../kernel/constants.ts";
import type { FileStatus, Kernel } from "../../../kernel/kernel.ts";
import { namesIn } from "../../../kernel/tree/remove.ts";

const LIST = O.RDONLY | O.DIRECTORY | O.NOFOLLOW;

export interface Changes {
  /** Changed or new, and the directories on the way. */
  readonly kept: ReadonlySet<string>;
  readonly removed: readonly string[];
}

const isDirectory = ({ mode }: FileStatus): boolean => (mode & S.IFMT) === S.IFDIR;

function sameFile(a: FileStatus, b: FileStatus): boolean {
  const owner = a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
  if (!owner || isDirectory(a)) return owner;
  const device = a.rdevMajor === b.rdevMajor && a.rdevMinor === b.rdevMinor;
  return device && a.size === b.size && a.modifiedNs === b.modifiedNs;
}

class Comparison {
  readonly kept = new Set<string>();
  readonly removed: string[] = [];

  constructor(private readonly kernel: Kernel) {}

  /** True when anything below differs. `lower` undefined: all of it is new. */
  directory(lower: number | undefined, upper: number, prefix: string): boolean {
    const before = new Set(lower === undefined ? [] : namesIn(lower));
    let changed = false;
    for (const name of namesIn(upper)) {
      const known = before.delete(name) ? lower : undefined;
      if (this.#name(known, upper, name, prefix)) changed = true;
    }
    for (const name of before) this.removed.push(prefix + name);
    return changed || before.size > 0;
  }

  #name(lower: number | undefined, upper: number, name: string, prefix: string): boolean {
    const { kernel } = this;
    const status = kernel.statx(upper, name, AT.SYMLINK_NOFOLLOW);
    const old = lower === undefined ? undefined : kernel.statx(lower, name, AT.SYMLINK_NOFOLLOW);
    let changed = old === undefined || !sameFile(old, status);
    if (isDirectory(status)) {
      const from = old !== undefined && isDirectory(old) ? kernel.openat(lower!, name, LIST, 0) : undefined;
      const to = kernel.openat(upper, name, LIST, 0);
      if (this.directory(from, to, `${prefix}${name}/`)) changed = true;
      if (from !== undefined) kernel.close(from);
      kernel.close(to);
    }
    if (changed) this.kept.add(prefix + name);
    return changed;
  }
}

export function compareTrees(kernel: Kernel, lower: number, upper: number): Changes {
  const comparison = new Comparison(kernel);
  comparison.directory(lower, upper, "");
  return comparison;
}
