/**
 * Unpacks archive entries into a tree: each kind of file with owner, mode, times and extended attributes. What stands where an entry goes is replaced,
 * except a directory by a directory. Whiteouts (`.wh.<name>`, image-spec layer.md) are carried out when asked for: whiteouts.ts.
 */
import { SkiffError, wrap } from "../../lib/errors.ts";
import type { TarEntry } from "../../lib/tar/entry.ts";
import type { TarHandler } from "../../lib/tar/reader.ts";
import { AT, AT_FDCWD, O, S } from "../constants.ts";
import { errnoOf, unless } from "../errno.ts";
import { type Kernel, makeDevice } from "../kernel.ts";
import { cleanName, openParent, type Place, TreePaths } from "./paths.ts";
import { removeTree } from "./remove.ts";
import { markingWhiteouts, removingWhiteouts, type Whiteouts, Written } from "./whiteouts.ts";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** Other names of aufs's own bookkeeping. */
const AUFS = ".wh..wh.";
const CREATE = O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW;

export interface ExtractOptions {
  readonly whiteouts: boolean;
  /**
   * The tree is the upper directory of an overlay over these open directories, the nearest first: whiteouts become overlayfs's own marks, and a
   * directory that is made on the way to a name looks like the one below.
   */
  readonly lowers?: readonly number[];
  /** Owner of everything; undefined: as the archive says. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** A directory may not take a file's place, nor the other way round (docker cp). */
  readonly keepKinds?: boolean;
}

interface DirectoryTime {
  readonly name: string;
  readonly modifiedNs: bigint;
}

export class Extractor implements TarHandler, Disposable {
  readonly #paths: TreePaths;
  readonly #written = new Written();
  readonly #whiteouts: Whiteouts;
  /** Set when all is there: unpacking into a directory changes its time. */
  readonly #times: DirectoryTime[] = [];
  #file: { readonly fd: number; readonly place: Place; readonly entry: TarEntry; at: number } | undefined;

  /** `root`: an open directory, the caller's. */
  constructor(
    private readonly kernel: Kernel,
    private readonly root: number,
    private readonly options: ExtractOptions,
  ) {
    const { lowers } = options;
    this.#paths = new TreePaths(kernel, root, (name, place) => this.#likeBelow(name, place));
    this.#whiteouts =
      lowers === undefined
        ? removingWhiteouts(kernel, root, this.#written)
        : markingWhiteouts(kernel, root, this.#written, lowers);
  }

  entry(entry: TarEntry): void {
    try {
      this.#make(entry);
    } catch (error) {
      throw wrap(error, `unpack ${JSON.stringify(entry.name)}`);
    }
  }

  data(bytes: Uint8Array): void {
    const file = this.#file;
    if (file === undefined) return;
    try {
      for (let done = 0; done < bytes.length; ) {
        const count = this.kernel.pwrite(file.fd, bytes.subarray(done), file.at);
        done += count;
        file.at += count;
      }
    } catch (error) {
      throw wrap(error, `unpack ${JSON.stringify(file.entry.name)}`);
    }
  }

  /** Nothing is written: the file system keeps it a hole. */
  hole(bytes: number): void {
    if (this.#file !== undefined) this.#file.at += bytes;
  }

  end(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    try {
      if (file.entry.sparse === true) this.kernel.ftruncate(file.fd, file.at);
      this.#describe(file.fd, file.entry);
    } catch (error) {
      throw wrap(error, `unpack ${JSON.stringify(file.entry.name)}`);
    } finally {
      this.kernel.close(file.fd);
    }
    this.#time(file.place, file.entry.modifiedNs);
  }

  /** After the last entry. */
  finish(): void {
    for (const { name, modifiedNs } of this.#times.reverse()) {
      if (name === ".") {
        this.kernel.utimensat(AT_FDCWD, `/proc/self/fd/${this.root}`, modifiedNs, modifiedNs, 0);
        continue;
      }
      using place = openParent(this.kernel, this.root, name);
      if (place !== undefined) unless(["ENOENT"], () => this.#time(place, modifiedNs));
    }
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) this.kernel.close(this.#file.fd);
    this.#file = undefined;
    this.#paths[Symbol.dispose]();
  }

  #make(entry: TarEntry): void {
    const name = cleanName(entry.name);
    if (name === ".") {
      if (entry.type === "dir") this.#describeRoot(entry);
      return;
    }
    const place = this.#place(name);
    if (this.options.whiteouts && place.base.startsWith(WHITEOUT)) {
      this.#whiteOut(name, place);
      return;
    }
    if (this.options.whiteouts) this.#written.add(name);
    if (entry.type === "dir") this.#makeDirectory(name, place, entry);
    else this.#makeOther(place, entry);
  }

  #place(name: string): Place {
    try {
      return this.#paths.place(name);
    } catch (error) {
      if (errnoOf(error) !== "ENOTDIR") throw error;
      this.#whiteouts.clearWay(name);
      return this.#paths.place(name);
    }
  }

  #makeOther(place: Place, entry: TarEntry): void {
    const { kernel } = this;
    const make = () => {
      if (entry.type === "file") {
        this.#file = { fd: kernel.openat(place.directory, place.base, CREATE, 0o600), place, entry, at: 0 };
      } else if (entry.type === "link") this.#link(place, entry);
      else if (entry.type === "symlink") {
        kernel.symlinkat(entry.linkName, place.directory, place.base);
        this.#describeName(place, entry);
      } else {
        const type = { char: S.IFCHR, block: S.IFBLK, fifo: S.IFIFO, dir: S.IFDIR }[entry.type];
        kernel.mknodat(place.directory, place.base, type | 0o600, makeDevice(entry.major, entry.minor));
        this.#describeName(place, entry);
      }
    };
    try {
      make();
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
      this.#checkKinds(place, false);
      removeTree(kernel, place.directory, place.base);
      make();
    }
  }

  #makeDirectory(name: string, place: Place, entry: TarEntry): void {
    const { kernel } = this;
    const { directory, base } = place;
    try {
      kernel.mkdirat(directory, base, 0o700);
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
      const { mode } = kernel.statx(directory, base, AT.SYMLINK_NOFOLLOW);
      if ((mode & S.IFMT) !== S.IFDIR) {
        this.#checkKinds(place, true);
        removeTree(kernel, directory, base);
        kernel.mkdirat(directory, base, 0o700);
        // What it replaced hid the lower directory: so does this.
        if (this.options.lowers !== undefined) this.#whiteouts.opaque(name);
      }
    }
    const fd = kernel.openat(directory, base, O.RDONLY | O.DIRECTORY | O.NOFOLLOW, 0);
    try {
      this.#describe(fd, entry);
    } finally {
      kernel.close(fd);
    }
    this.#times.push({ name, modifiedNs: entry.modifiedNs });
  }

  #checkKinds({ directory, base }: Place, wantDirectory: boolean): void {
    if (this.options.keepKinds !== true) return;
    const { mode } = this.kernel.statx(directory, base, AT.SYMLINK_NOFOLLOW);
    if (((mode & S.IFMT) === S.IFDIR) !== wantDirectory)
      throw new SkiffError(
        "invalid_argument",
        wantDirectory
          ? `cannot overwrite non-directory "${base}" with directory`
          : `cannot overwrite directory "${base}" with non-directory`,
      );
  }

  /** The target is a name of the archive: below the root like any other. */
  #link(place: Place, entry: TarEntry): void {
    const target = cleanName(entry.linkName);
    using from = openParent(this.kernel, this.root, target);
    if (from === undefined)
      throw new SkiffError("not_found", `link to ${JSON.stringify(target)}: no such file`);
    this.kernel.linkat(from.directory, from.base, place.directory, place.base, 0);
    // As containerd and Docker: what the link's own header says counts.
    this.#describeName(place, entry);
  }

  #whiteOut(name: string, place: Place): void {
    const { base } = place;
    const parent = name.slice(0, Math.max(0, name.length - base.length - 1)) || ".";
    if (base === OPAQUE) this.#whiteouts.opaque(parent);
    else if (!base.startsWith(AUFS)) {
      const hidden = base.slice(WHITEOUT.length);
      if (hidden === "" || hidden === "." || hidden === "..")
        throw new SkiffError("invalid_argument", `invalid whiteout name: ${base}`);
      const { directory } = place;
      this.#whiteouts.hide(parent === "." ? hidden : `${parent}/${hidden}`, { directory, base: hidden });
    }
  }

  /** A directory that no entry describes, just made. */
  #likeBelow(name: string, { directory, base }: Place): void {
    const { kernel } = this;
    const status = this.#whiteouts.below(name);
    if (status === undefined) return;
    kernel.fchownat(directory, base, status.uid, status.gid, AT.SYMLINK_NOFOLLOW);
    const fd = kernel.openat(directory, base, O.RDONLY | O.DIRECTORY | O.NOFOLLOW, 0);
    try {
      kernel.fchmodat(AT_FDCWD, `/proc/self/fd/${fd}`, status.mode & 0o7777);
    } finally {
      kernel.close(fd);
    }
    this.#times.push({ name, modifiedNs: status.modifiedNs });
  }

  #describeRoot(entry: TarEntry): void {
    const fd = this.kernel.openat(this.root, ".", O.RDONLY | O.DIRECTORY, 0);
    try {
      this.#describe(fd, entry);
    } finally {
      this.kernel.close(fd);
    }
    this.#times.push({ name: ".", modifiedNs: entry.modifiedNs });
  }

  /** Owner before mode: chown clears set-id bits and capabilities. */
  #describe(fd: number, entry: TarEntry): void {
    const { kernel } = this;
    const { uid, gid } = this.options.owner ?? entry;
    kernel.fchownat(fd, "", uid, gid, AT.EMPTY_PATH);
    kernel.fchmodat(AT_FDCWD, `/proc/self/fd/${fd}`, entry.mode);
    for (const [name, value] of entry.xattrs) this.#setXattr(fd, name, value);
  }

  /** What cannot or must not be opened: links, devices. None is followed or used: CVE-2021-32760 changed modes through links. */
  #describeName({ directory, base }: Place, entry: TarEntry): void {
    const { kernel } = this;
    const { uid, gid } = this.options.owner ?? entry;
    kernel.fchownat(directory, base, uid, gid, AT.SYMLINK_NOFOLLOW);
    const fd = kernel.openat(directory, base, O.PATH | O.NOFOLLOW, 0);
    try {
      const isLink = (kernel.statx(fd, "", AT.EMPTY_PATH).mode & S.IFMT) === S.IFLNK;
      if (!isLink) kernel.fchmodat(AT_FDCWD, `/proc/self/fd/${fd}`, entry.mode);
    } finally {
      kernel.close(fd);
    }
    for (const [name, value] of entry.xattrs)
      this.#setXattr(`/proc/self/fd/${directory}/${base}`, name, value);
    this.#time({ directory, base }, entry.modifiedNs);
  }

  /** Attributes that this file system cannot keep are left out, as containerd does; overlay's own are never taken from an archive. */
  #setXattr(target: string | number, name: string, value: Uint8Array): void {
    if (name.startsWith("trusted.overlay.")) return;
    unless(["EOPNOTSUPP", "EPERM"], () => this.kernel.setxattr(target, name, value, 0));
  }

  #time({ directory, base }: Place, ns: bigint): void {
    this.kernel.utimensat(directory, base, ns, ns, AT.SYMLINK_NOFOLLOW);
  }
}
