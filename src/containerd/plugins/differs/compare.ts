/**
 * What one tree has over another, name by name, for trees that keep no account of their own. A file counts as changed by its metadata, as in
 * containerd; one whose time has no fraction (an archive without pax records set it) by its bytes, too.
 */
import { AT, O, S } from "../../../kernel/constants.ts";
import type { FileStatus, Kernel } from "../../../kernel/kernel.ts";
import { namesIn } from "../../../kernel/tree/remove.ts";

const LIST = O.RDONLY | O.DIRECTORY | O.NOFOLLOW;
const READ = O.RDONLY | O.NOFOLLOW | O.NONBLOCK;
const PIECE_BYTES = 256 * 1024;
const SECOND_NS = 1_000_000_000n;
const CAPABILITY = "security.capability";

export interface Changes {
  /** Changed or new, and the directories on the way. */
  readonly kept: ReadonlySet<string>;
  readonly removed: readonly string[];
}

/** A name in an open directory. */
interface Named {
  readonly directory: number;
  readonly base: string;
  readonly status: FileStatus;
}

const typeOf = ({ mode }: FileStatus): number => mode & S.IFMT;
const isDirectory = (status: FileStatus): boolean => typeOf(status) === S.IFDIR;

class Comparison {
  readonly kept = new Set<string>();
  readonly removed: string[] = [];
  /** Files with several names, by inode: those that count as changed, and names of those that do not. */
  readonly #changedInodes = new Set<bigint>();
  readonly #unchanged = new Map<string, bigint>();
  readonly #pieces = [Buffer.allocUnsafe(PIECE_BYTES), Buffer.allocUnsafe(PIECE_BYTES)] as const;

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

  /** A new name of an unchanged file: with all its names, so that they stay one file where the layer goes. */
  keepLinks(): void {
    for (const [name, inode] of this.#unchanged) {
      if (!this.#changedInodes.has(inode)) continue;
      for (let at = name; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) this.kept.add(at);
    }
  }

  #name(lower: number | undefined, upper: number, base: string, prefix: string): boolean {
    const { kernel } = this;
    const named = (directory: number): Named => ({
      ...{ directory, base },
      status: kernel.statx(directory, base, AT.SYMLINK_NOFOLLOW),
    });
    const now = named(upper);
    const old = lower === undefined ? undefined : named(lower);
    let changed = old === undefined || !this.#same(old, now);
    if (isDirectory(now.status)) {
      if (this.#below(old, now, `${prefix}${base}/`)) changed = true;
    } else if (now.status.links > 1) {
      if (changed) this.#changedInodes.add(now.status.inode);
      else this.#unchanged.set(prefix + base, now.status.inode);
    }
    if (changed) this.kept.add(prefix + base);
    return changed;
  }

  #below(old: Named | undefined, now: Named, prefix: string): boolean {
    const open = ({ directory, base }: Named) => this.kernel.openat(directory, base, LIST, 0);
    const from = old !== undefined && isDirectory(old.status) ? open(old) : undefined;
    const to = open(now);
    try {
      return this.directory(from, to, prefix);
    } finally {
      if (from !== undefined) this.kernel.close(from);
      this.kernel.close(to);
    }
  }

  #same(old: Named, now: Named): boolean {
    const [a, b] = [old.status, now.status];
    if (a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid) return false;
    if (a.rdevMajor !== b.rdevMajor || a.rdevMinor !== b.rdevMinor) return false;
    if (!this.#capability(old).equals(this.#capability(now))) return false;
    if (isDirectory(a)) return true;
    if (a.size !== b.size || a.modifiedNs !== b.modifiedNs) return false;
    if (typeOf(a) === S.IFLNK)
      return (
        this.kernel.readlinkat(old.directory, old.base) === this.kernel.readlinkat(now.directory, now.base)
      );
    const oneInode = a.inode === b.inode && a.devMajor === b.devMajor && a.devMinor === b.devMinor;
    return oneInode || typeOf(a) !== S.IFREG || a.modifiedNs % SECOND_NS !== 0n || this.#sameBytes(old, now);
  }

  #capability({ directory, base, status }: Named): Buffer {
    if (typeOf(status) !== S.IFREG) return Buffer.alloc(0);
    return Buffer.from(this.kernel.getxattr(`/proc/self/fd/${directory}/${base}`, CAPABILITY) ?? []);
  }

  #sameBytes(old: Named, now: Named): boolean {
    const { kernel } = this;
    const [left, right] = [old, now].map(({ directory, base }) => kernel.openat(directory, base, READ, 0));
    const fill = (fd: number, into: Buffer, at: number): Uint8Array => {
      let filled = 0;
      while (filled < into.length) {
        const count = kernel.pread(fd, into.subarray(filled), at + filled);
        if (count === 0) break;
        filled += count;
      }
      return into.subarray(0, filled);
    };
    try {
      for (let at = 0; ; at += PIECE_BYTES) {
        const [a, b] = [fill(left!, this.#pieces[0], at), fill(right!, this.#pieces[1], at)];
        if (Buffer.compare(a, b) !== 0) return false;
        if (a.length === 0) return true;
      }
    } finally {
      kernel.close(left!);
      kernel.close(right!);
    }
  }
}

export function compareTrees(kernel: Kernel, lower: number, upper: number): Changes {
  const comparison = new Comparison(kernel);
  comparison.directory(lower, upper, "");
  comparison.keepLinks();
  comparison.removed.sort();
  return comparison;
}
