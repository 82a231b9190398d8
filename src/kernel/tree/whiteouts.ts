/**
 * What a layer takes away from the tree below it (image-spec layer.md): one name, or (opaque) all of a directory. Only what was there before the layer
 * goes, whatever the order of the entries. In an ordinary tree it is removed; in the upper directory of an overlay it is hidden, by a character
 * device 0:0 in its place or by the attribute `trusted.overlay.opaque` (kernel's filesystems/overlayfs).
 */
import { AT, O, RESOLVE, S } from "../constants.ts";
import { errnoOf, unless } from "../errno.ts";
import type { FileStatus, Kernel } from "../kernel.ts";
import { openParent, type Place } from "./paths.ts";
import { namesIn, removeTree } from "./remove.ts";

/** `name`s are clean paths from the root; "." is the root. */
export interface Whiteouts {
  /** Where marks of this layer stand in the way to `name`, directories take their places. */
  clearWay(name: string): void;
  opaque(name: string): void;
  hide(name: string, place: Place): void;
  /** The directory of that name in what lies below the tree. */
  below(name: string): FileStatus | undefined;
}

/** Names that came with the layer, with the directories they are in. */
export class Written {
  readonly #names = new Set<string>();

  add(name: string): void {
    for (let at = name; !this.#names.has(at); ) {
      this.#names.add(at);
      const slash = at.lastIndexOf("/");
      if (slash < 0) return;
      at = at.slice(0, slash);
    }
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }
}

const LIST = O.RDONLY | O.DIRECTORY;
const INSIDE = RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS;
const OPAQUE_XATTR = "trusted.overlay.opaque";
const YES = Buffer.from("y");

const isDirectory = ({ mode }: FileStatus): boolean => (mode & S.IFMT) === S.IFDIR;
const isWhiteout = ({ mode, rdevMajor, rdevMinor }: FileStatus): boolean =>
  (mode & S.IFMT) === S.IFCHR && rdevMajor === 0 && rdevMinor === 0;

function within<T>(kernel: Kernel, fd: number, body: (fd: number) => T): T {
  try {
    return body(fd);
  } finally {
    kernel.close(fd);
  }
}

export function removingWhiteouts(kernel: Kernel, root: number, written: Written): Whiteouts {
  const removeOld = (directory: number, prefix: string): void => {
    for (const base of namesIn(directory)) {
      const name = prefix + base;
      if (!written.has(name)) removeTree(kernel, directory, base);
      else if (isDirectory(kernel.statx(directory, base, AT.SYMLINK_NOFOLLOW)))
        within(kernel, kernel.openat(directory, base, LIST | O.NOFOLLOW, 0), (fd) =>
          removeOld(fd, `${name}/`),
        );
    }
  };
  return {
    opaque(name) {
      const fd = kernel.openat2(root, name, { flags: LIST, resolve: INSIDE });
      within(kernel, fd, () => removeOld(fd, name === "." ? "" : `${name}/`));
    },
    hide(name, { directory, base }) {
      if (!written.has(name)) removeTree(kernel, directory, base);
      else if (isDirectory(kernel.statx(directory, base, AT.SYMLINK_NOFOLLOW)))
        within(kernel, kernel.openat(directory, base, LIST | O.NOFOLLOW, 0), (fd) =>
          removeOld(fd, `${name}/`),
        );
    },
    below: () => undefined,
    clearWay: () => {},
  };
}

function markOpaque(kernel: Kernel, directory: number, name: string): void {
  within(kernel, kernel.openat2(directory, name, { flags: LIST, resolve: INSIDE }), (fd) =>
    kernel.setxattr(fd, OPAQUE_XATTR, YES, 0),
  );
}

/** The root of an overlay always shows what is below: opaque means to hide each name. */
function hideAll(kernel: Kernel, root: number, lowers: readonly number[]): void {
  const seen = new Set(namesIn(root));
  for (const base of seen)
    if (isDirectory(kernel.statx(root, base, AT.SYMLINK_NOFOLLOW))) markOpaque(kernel, root, base);
  for (const lower of lowers)
    for (const base of namesIn(lower)) {
      if (seen.has(base)) continue;
      seen.add(base);
      if (!isWhiteout(kernel.statx(lower, base, AT.SYMLINK_NOFOLLOW))) kernel.mknodat(root, base, S.IFCHR, 0);
    }
}

export function markingWhiteouts(
  kernel: Kernel,
  root: number,
  written: Written,
  lowers: readonly number[],
): Whiteouts {
  const removing = removingWhiteouts(kernel, root, written);
  const opaque = (name: string): void => {
    removing.opaque(name);
    if (name === ".") hideAll(kernel, root, lowers);
    else markOpaque(kernel, root, name);
  };
  return {
    opaque,
    hide(name, place) {
      try {
        kernel.mknodat(place.directory, place.base, S.IFCHR, 0);
      } catch (error) {
        if (errnoOf(error) !== "EEXIST") throw error;
        if (!written.has(name)) {
          removeTree(kernel, place.directory, place.base);
          kernel.mknodat(place.directory, place.base, S.IFCHR, 0);
        } else if (isDirectory(kernel.statx(place.directory, place.base, AT.SYMLINK_NOFOLLOW))) opaque(name);
      }
    },
    clearWay(name) {
      for (let slash = name.indexOf("/"); slash > 0; slash = name.indexOf("/", slash + 1)) {
        const way = name.slice(0, slash);
        using place = openParent(kernel, root, way);
        if (place === undefined) return;
        const status = unless(["ENOENT"], () =>
          kernel.statx(place.directory, place.base, AT.SYMLINK_NOFOLLOW),
        );
        if (status === undefined || !isWhiteout(status)) continue;
        kernel.unlinkat(place.directory, place.base, 0);
        kernel.mkdirat(place.directory, place.base, 0o755);
        markOpaque(kernel, root, way);
      }
    },
    below(name) {
      const how = { flags: O.PATH | O.NOFOLLOW, resolve: INSIDE | RESOLVE.NO_SYMLINKS };
      for (const lower of lowers) {
        // Absent: look deeper. A file on the way hides all that is deeper.
        const fd = unless(
          ["ENOENT"],
          () => unless(["ENOTDIR", "ELOOP"], () => kernel.openat2(lower, name, how)) ?? -1,
        );
        if (fd === undefined) continue;
        if (fd < 0) return undefined;
        const status = within(kernel, fd, () => kernel.statx(fd, "", AT.EMPTY_PATH));
        return isDirectory(status) ? status : undefined;
      }
      return undefined;
    },
  };
}
