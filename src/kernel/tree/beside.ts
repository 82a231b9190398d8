/**
 * Big trees removed and measured by a daemon that has other things to do: in short steps, by descriptors (a container may still move things about in
 * them), never across a mount.
 */
import { readdir, rmdir, unlink } from "node:fs/promises";
import { decodeName, encodeName } from "../../lib/bytes.ts";
import { AT, AT_FDCWD, O, RESOLVE, S } from "../constants.ts";
import { unless } from "../errno.ts";
import type { Kernel } from "../kernel.ts";

const LIST = O.RDONLY | O.DIRECTORY | O.NOFOLLOW;
const HERE = RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS | RESOLVE.NO_XDEV;
/** Deeper directories are moved up first: each level costs a descriptor. */
const DEPTH_MAX = 64;
/** Files at once; each has a thread to wait in. */
const TOGETHER = 16;
/** About a millisecond's work. */
const STEP = 256;
const BLOCK_BYTES = 512;

/** A name in an open directory, for calls that only know paths. */
const below = (fd: number, name: string): Buffer => encodeName(`/proc/self/fd/${fd}/${name}`);

async function listBeside(fd: number): Promise<string[]> {
  return (await readdir(`/proc/self/fd/${fd}`, { encoding: "buffer" })).map(decodeName);
}

async function ignoring(codes: readonly string[], work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (codes.includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

class Removal {
  readonly #waiting: string[] = [];
  #moved = 0;

  constructor(
    private readonly kernel: Kernel,
    private readonly top: number,
    private readonly base: string,
  ) {}

  async run(): Promise<void> {
    this.#waiting.push(this.base);
    for (let name = this.#waiting.pop(); name !== undefined; name = this.#waiting.pop())
      await this.#any(this.top, name, 0);
  }

  async #any(directory: number, base: string, depth: number): Promise<void> {
    if (await ignoring(["EISDIR", "EPERM"], unlink(below(directory, base)).catch(missing))) return;
    if (depth < DEPTH_MAX) await this.#directory(directory, base, depth);
    else {
      const name = `${this.base}.${this.#moved++}`;
      this.kernel.renameat2(directory, base, this.top, name, 0);
      this.#waiting.push(name);
    }
  }

  async #directory(parent: number, base: string, depth: number): Promise<void> {
    const open = () => this.kernel.openat2(parent, base, { flags: LIST, resolve: HERE });
    const fd = unless(["ENOENT"], open);
    if (fd === undefined) return;
    try {
      const names = await listBeside(fd);
      const directories: string[] = [];
      for (let at = 0; at < names.length; at += TOGETHER)
        await Promise.all(
          names.slice(at, at + TOGETHER).map(async (name) => {
            const gone = ignoring(["EISDIR", "EPERM"], unlink(below(fd, name)).catch(missing));
            if (!(await gone)) directories.push(name);
          }),
        );
      for (const name of directories) await this.#any(fd, name, depth + 1);
    } finally {
      this.kernel.close(fd);
    }
    await rmdir(below(parent, base)).catch(missing);
  }
}

/** Somebody was quicker. */
function missing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

/** `base` in `directory` with all below it; `directory` must be ours alone, for names made up on the way. Missing is fine. */
export async function removeBeside(kernel: Kernel, directory: string, base: string): Promise<void> {
  const top = kernel.openat(AT_FDCWD, directory, LIST, 0);
  try {
    await new Removal(kernel, top, base).run();
  } finally {
    kernel.close(top);
  }
}

export interface TreeSize {
  /** On disk. */
  readonly size: number;
  readonly inodes: number;
}

const rest = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** As du(1): the tree's root counts, a file with several names counts once. What goes meanwhile is not counted. */
export async function measureBeside(kernel: Kernel, path: string): Promise<TreeSize> {
  const root = kernel.openat(AT_FDCWD, path, LIST, 0);
  const linked = new Set<bigint>();
  const waiting = ["."];
  let [size, inodes, steps] = [0, 0, 0];
  const count = (directory: number, name: string, prefix: string): void => {
    const status = unless(["ENOENT"], () => kernel.statx(directory, name, AT.SYMLINK_NOFOLLOW));
    if (status === undefined) return;
    const isDirectory = (status.mode & S.IFMT) === S.IFDIR;
    if (isDirectory) waiting.push(prefix === "." ? name : `${prefix}/${name}`);
    else if (status.links > 1) {
      if (linked.has(status.inode)) return;
      linked.add(status.inode);
    }
    size += status.blocks * BLOCK_BYTES;
    inodes++;
  };
  try {
    size += kernel.statx(root, "", AT.EMPTY_PATH).blocks * BLOCK_BYTES;
    inodes++;
    for (let prefix = waiting.pop(); prefix !== undefined; prefix = waiting.pop()) {
      const at = prefix;
      const open = () => kernel.openat2(root, at, { flags: LIST, resolve: HERE });
      const fd = unless(["ENOENT", "ENOTDIR", "ELOOP", "EXDEV", "ENAMETOOLONG"], open);
      if (fd === undefined) continue;
      try {
        for (const name of await listBeside(fd)) {
          count(fd, name, at);
          if (++steps % STEP === 0) await rest();
        }
      } finally {
        kernel.close(fd);
      }
    }
  } finally {
    kernel.close(root);
  }
  return { size, inodes };
}
