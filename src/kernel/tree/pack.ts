/**
 * Packs a tree as an archive, by descriptors and in the order of names, so that the same tree gives the same bytes. Of an overlay's upper directory
 * the marks of what was removed become whiteouts (`.wh.<name>`).
 */
import type { EntryType, TarEntry } from "../../lib/tar/entry.ts";
import { encodeEntry, paddingOf, TRAILER } from "../../lib/tar/writer.ts";
import { AT, O, S } from "../constants.ts";
import { unless } from "../errno.ts";
import type { FileStatus, Kernel } from "../kernel.ts";
import { namesIn } from "./remove.ts";

const PIECE_BYTES = 256 * 1024;
const OPAQUE_XATTR = "trusted.overlay.opaque";

export interface PackOptions {
  /** Names are below it: `etc` packs `etc/`, `etc/passwd` …; "" packs `./`-less names of the root's entries. */
  readonly prefix: string;
  /** The tree is an overlay's upper directory. */
  readonly overlay: boolean;
  /** The root itself as first entry. */
  readonly includeRoot: boolean;
  /** Only these names (with the directories they lie in), and whiteouts for those that have gone. */
  readonly changes?: { readonly kept: ReadonlySet<string>; readonly removed: readonly string[] };
  /** Times later than this become this (SOURCE_DATE_EPOCH). */
  readonly latestNs?: bigint;
}

const TYPES: ReadonlyMap<number, EntryType> = new Map([
  [S.IFREG, "file"],
  [S.IFLNK, "symlink"],
  [S.IFCHR, "char"],
  [S.IFBLK, "block"],
  [S.IFDIR, "dir"],
  [S.IFIFO, "fifo"],
]);

const NOTHING: TarEntry = {
  ...{ name: "", type: "file", mode: 0, uid: 0, gid: 0, size: 0, modifiedNs: 0n, linkName: "" },
  ...{ major: 0, minor: 0, xattrs: new Map() },
};

/** Attributes that belong to the file and not to the file system it lies on. */
function readXattrs(kernel: Kernel, path: string): Map<string, Uint8Array> {
  const names = unless(["EOPNOTSUPP", "ENOENT"], () => kernel.listxattr(path)) ?? [];
  const found = new Map<string, Uint8Array>();
  for (const name of names) {
    if (name !== "security.capability" && !name.startsWith("user.")) continue;
    const value = kernel.getxattr(path, name);
    if (value !== undefined) found.set(name, value);
  }
  return found;
}

class Packer {
  /** Where an inode with several names was first met. */
  readonly #links = new Map<string, string>();

  constructor(
    private readonly kernel: Kernel,
    private readonly options: PackOptions,
  ) {}

  *pack(root: number): Generator<Uint8Array> {
    for (const name of this.options.changes?.removed ?? [])
      yield encodeEntry({ ...NOTHING, name: whiteout(name) });
    const { prefix, includeRoot } = this.options;
    if (includeRoot) {
      const status = this.kernel.statx(root, "", AT.EMPTY_PATH);
      const name = prefix === "" ? "./" : `${prefix}/`;
      yield encodeEntry(this.#entry(name, status, readXattrs(this.kernel, `/proc/self/fd/${root}/.`)));
    }
    yield* this.#children(root, prefix === "" ? "" : `${prefix}/`);
  }

  *#children(directory: number, prefix: string): Generator<Uint8Array> {
    const { changes } = this.options;
    for (const name of namesIn(directory).sort())
      if (changes === undefined || changes.kept.has(prefix + name))
        yield* this.one(directory, name, prefix + name);
  }

  /** The file `base` as `name`, with all below it. */
  *one(directory: number, base: string, name: string): Generator<Uint8Array> {
    const { kernel } = this;
    // Files of a running container come and go.
    const status = unless(["ENOENT"], () => kernel.statx(directory, base, AT.SYMLINK_NOFOLLOW));
    if (status === undefined) return;
    const type = status.mode & S.IFMT;
    if (this.options.overlay && type === S.IFCHR && status.rdevMajor === 0 && status.rdevMinor === 0) {
      yield encodeEntry({ ...NOTHING, name: whiteout(name), modifiedNs: this.#clamp(status.modifiedNs) });
      return;
    }
    if (!TYPES.has(type)) return;
    const xattrs = readXattrs(kernel, `/proc/self/fd/${directory}/${base}`);
    if (type === S.IFDIR) yield* this.#directory(directory, base, name, status, xattrs);
    else yield* this.#leaf(directory, base, this.#entry(name, status, xattrs), status);
  }

  *#directory(
    parent: number,
    base: string,
    name: string,
    status: FileStatus,
    xattrs: Map<string, Uint8Array>,
  ): Generator<Uint8Array> {
    const { kernel } = this;
    yield encodeEntry(this.#entry(`${name}/`, status, xattrs));
    const fd = kernel.openat(parent, base, O.RDONLY | O.DIRECTORY | O.NOFOLLOW, 0);
    try {
      if (this.options.overlay && kernel.getxattr(fd, OPAQUE_XATTR)?.[0] === 0x79)
        yield encodeEntry({
          ...NOTHING,
          name: `${name}/.wh..wh..opq`,
          modifiedNs: this.#clamp(status.modifiedNs),
        });
      yield* this.#children(fd, `${name}/`);
    } finally {
      kernel.close(fd);
    }
  }

  *#leaf(directory: number, base: string, entry: TarEntry, status: FileStatus): Generator<Uint8Array> {
    if (status.links > 1) {
      const inode = `${status.devMajor}:${status.devMinor}:${status.inode}`;
      const first = this.#links.get(inode);
      if (first !== undefined) {
        yield encodeEntry({ ...entry, type: "link", linkName: first, size: 0, xattrs: new Map() });
        return;
      }
      this.#links.set(inode, entry.name);
    }
    if (entry.type === "symlink") {
      yield encodeEntry({ ...entry, linkName: this.kernel.readlinkat(directory, base) });
    } else if (entry.type !== "file") yield encodeEntry(entry);
    else yield* this.#file(directory, base, entry);
  }

  /** Exactly as many bytes as the header says: what is cut off meanwhile is zeros, what is added is left. */
  *#file(directory: number, base: string, entry: TarEntry): Generator<Uint8Array> {
    const { kernel } = this;
    const fd = kernel.openat(directory, base, O.RDONLY | O.NOFOLLOW | O.NONBLOCK, 0);
    try {
      yield encodeEntry(entry);
      for (let left = entry.size; left > 0; ) {
        const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, left));
        const count = kernel.read(fd, piece);
        if (count === 0) piece.fill(0);
        yield count === 0 ? piece : piece.subarray(0, count);
        left -= count === 0 ? piece.length : count;
      }
      yield paddingOf(entry.size);
    } finally {
      kernel.close(fd);
    }
  }

  #entry(name: string, status: FileStatus, xattrs: Map<string, Uint8Array>): TarEntry {
    const type = TYPES.get(status.mode & S.IFMT)!;
    return {
      ...{ name, type, mode: status.mode & 0o7777, uid: status.uid, gid: status.gid, linkName: "", xattrs },
      size: type === "file" ? status.size : 0,
      modifiedNs: this.#clamp(status.modifiedNs),
      ...{ major: status.rdevMajor, minor: status.rdevMinor },
    };
  }

  #clamp(ns: bigint): bigint {
    const { latestNs } = this.options;
    return latestNs !== undefined && ns > latestNs ? latestNs : ns;
  }
}

function whiteout(name: string): string {
  const slash = name.lastIndexOf("/") + 1;
  return `${name.slice(0, slash)}.wh.${name.slice(slash)}`;
}

/** Everything below the open directory `root`, and the archive's end. */
export function* packTree(kernel: Kernel, root: number, options: PackOptions): Generator<Uint8Array> {
  yield* new Packer(kernel, options).pack(root);
  yield TRAILER;
}

/** One file or directory with all below it, as `name`, and the archive's end. @throws not_found */
export function* packOne(
  kernel: Kernel,
  directory: number,
  base: string,
  name: string,
): Generator<Uint8Array> {
  kernel.statx(directory, base, AT.SYMLINK_NOFOLLOW);
  yield* new Packer(kernel, { prefix: "", overlay: false, includeRoot: false }).one(directory, base, name);
  yield TRAILER;
}
