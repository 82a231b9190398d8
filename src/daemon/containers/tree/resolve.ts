/**
 * Finds a path as the container's processes would: root file system, volumes and binds put together. It goes one component at a time from
 * descriptor to descriptor, so no symbolic link is ever resolved by the host; where a mount point begins, its source goes on.
 */
import { AT, AT_FDCWD, O, S } from "../../../kernel/constants.ts";
import { errnoOf } from "../../../kernel/errno.ts";
import type { FileStatus, Kernel } from "../../../kernel/kernel.ts";
import { SkiffError } from "../../../lib/errors.ts";

/** Where something is mounted (no slash at the end), and what: a host path. */
export type MountTable = ReadonlyMap<string, string>;

export interface Found extends Disposable {
  /** As the container names it, without links. */
  readonly path: string;
  /** O_PATH, not followed when it is a symbolic link. */
  readonly fd: number;
  readonly status: FileStatus;
}

const LINKS_MAX = 255;
const PATH_BYTES_MAX = 4096;
const OPEN = O.PATH | O.NOFOLLOW;

interface Step {
  readonly path: string;
  readonly fd: number;
}

export const isDirectory = ({ mode }: FileStatus): boolean => (mode & S.IFMT) === S.IFDIR;
export const isLink = ({ mode }: FileStatus): boolean => (mode & S.IFMT) === S.IFLNK;

const missing = (path: string) => new SkiffError("not_found", `${path}: no such file or directory`);

class Walk {
  readonly #steps: Step[];
  #links = 0;

  constructor(
    private readonly kernel: Kernel,
    root: string,
    private readonly mounts: MountTable,
  ) {
    this.#steps = [{ path: "", fd: kernel.openat(AT_FDCWD, root, O.PATH | O.DIRECTORY, 0) }];
  }

  close(keep?: number): void {
    for (const { fd } of this.#steps) if (fd !== keep) this.kernel.close(fd);
  }

  /** @throws not_found; invalid_argument when the way goes through what is no directory */
  go(path: string, followLast: boolean): Step {
    const names = path.split("/");
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        if (this.#steps.length > 1) this.kernel.close(this.#steps.pop()!.fd);
        continue;
      }
      const last = names.every((rest) => rest === "");
      const target = this.#enter(name, !last || followLast);
      if (target === undefined) continue;
      if (target.startsWith("/")) while (this.#steps.length > 1) this.kernel.close(this.#steps.pop()!.fd);
      names.unshift(...target.split("/"));
    }
    return this.#steps.at(-1)!;
  }

  /** One component further; or, for a link that is to be followed, its target. */
  #enter(name: string, follow: boolean): string | undefined {
    const { kernel } = this;
    const here = this.#steps.at(-1)!;
    const path = `${here.path}/${name}`;
    if (path.length > PATH_BYTES_MAX) throw new SkiffError("invalid_argument", "file name too long");
    const mounted = this.mounts.get(path);
    let fd: number;
    try {
      fd =
        mounted === undefined
          ? kernel.openat(here.fd, name, OPEN, 0)
          : kernel.openat(AT_FDCWD, mounted, O.PATH, 0);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "ENOENT") throw missing(path);
      if (errno === "ENOTDIR") throw new SkiffError("invalid_argument", `${here.path}: not a directory`);
      throw error;
    }
    if (follow && isLink(kernel.statx(fd, "", AT.EMPTY_PATH))) {
      try {
        if ((this.#links += 1) > LINKS_MAX)
          throw new SkiffError("invalid_argument", `${path}: too many levels of symbolic links`);
        return kernel.readlinkat(fd, "");
      } finally {
        kernel.close(fd);
      }
    }
    this.#steps.push({ path, fd });
    return undefined;
  }
}

/** The caller disposes of what is found. @throws not_found, invalid_argument */
export function resolveInside(
  kernel: Kernel,
  root: string,
  mounts: MountTable,
  path: string,
  followLast: boolean,
): Found {
  const walk = new Walk(kernel, root, mounts);
  let step: Step | undefined;
  try {
    step = walk.go(path, followLast);
    const status = kernel.statx(step.fd, "", AT.EMPTY_PATH);
    const { fd } = step;
    return { path: step.path === "" ? "/" : step.path, fd, status, [Symbol.dispose]: () => kernel.close(fd) };
  } catch (error) {
    step = undefined;
    throw error;
  } finally {
    walk.close(step?.fd);
  }
}

/** A directory found, opened for reading. */
export function openDirectory(kernel: Kernel, found: Found): number {
  return kernel.openat(found.fd, ".", O.RDONLY | O.DIRECTORY, 0);
}

/** Where a link leads, as the container sees it; "" when it leads nowhere. */
export function linkTarget(kernel: Kernel, root: string, mounts: MountTable, path: string): string {
  try {
    using found = resolveInside(kernel, root, mounts, path, true);
    return found.path;
  } catch {
    return "";
  }
}
