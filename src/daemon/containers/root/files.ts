/** The few things skiffd does inside a container's root file system, all below a descriptor of its root (`openat2`, RESOLVE_IN_ROOT). */
import { AT_FDCWD, O, RESOLVE, S } from "../../../kernel/constants.ts";
import { errnoOf, unless } from "../../../kernel/errno.ts";
import type { Kernel } from "../../../kernel/kernel.ts";
import { SkiffError } from "../../../lib/errors.ts";
import { copyTree } from "./copy-tree.ts";

export interface RootFiles {
  /** Text of a regular file of at most `limit` bytes; "" when there is none. Anything else at the path is refused (CVE-2024-9676). */
  readText(root: string, path: string, limit: number): string;
  /** Makes a directory and its parents, 0755 root. @throws invalid_argument when something else is there. */
  makeDirectory(root: string, path: string): void;
  /** Copies what the directory `path` of `root` has into the host directory `target` if that is empty; owners and modes are kept. */
  copyUp(root: string, path: string, target: string): void;
  /** Host path of a directory or file inside a volume. @throws not_found; invalid_argument when the way leads out of it. */
  resolveBelow(root: string, path: string): string;
}

const IN_ROOT = RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS;

/** Runs `body` with the descriptor and closes it. */
function using<T>(kernel: Kernel, fd: number, body: (fd: number) => T): T {
  try {
    return body(fd);
  } finally {
    kernel.close(fd);
  }
}

function openRoot<T>(kernel: Kernel, root: string, body: (fd: number) => T): T {
  return using(kernel, kernel.openat(AT_FDCWD, root, O.PATH | O.DIRECTORY, 0), body);
}

function readAll(kernel: Kernel, fd: number, path: string, limit: number): string {
  const { mode, size } = kernel.statx(fd, "", 0x1000);
  if ((mode & S.IFMT) !== S.IFREG)
    throw new SkiffError("invalid_argument", `open ${path}: not a regular file`);
  if (size > limit) throw new SkiffError("invalid_argument", `open ${path}: larger than ${limit} bytes`);
  const buffer = Buffer.alloc(size);
  let length = 0;
  while (length < size) {
    const count = kernel.read(fd, buffer.subarray(length));
    if (count === 0) break;
    length += count;
  }
  return buffer.toString("utf8", 0, length);
}

/** Makes one directory after the other, opening each below the last: a symbolic link on the way stays inside the root. */
function makeDirectories(kernel: Kernel, rootFd: number, path: string): void {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  for (let depth = 1; depth <= names.length; depth += 1) {
    const parent = names.slice(0, depth - 1).join("/") || ".";
    const flags = O.PATH | O.DIRECTORY;
    using(kernel, kernel.openat2(rootFd, parent, { flags, resolve: IN_ROOT }), (fd) =>
      unless(["EEXIST"], () => kernel.mkdirat(fd, names[depth - 1]!, 0o755)),
    );
  }
  kernel.close(kernel.openat2(rootFd, path, { flags: O.PATH | O.DIRECTORY, resolve: IN_ROOT }));
}

export function createRootFiles(kernel: Kernel): RootFiles {
  return {
    readText: (root, path, limit) =>
      openRoot(kernel, root, (rootFd) => {
        // O_NONBLOCK: a FIFO must not make us wait.
        const flags = O.RDONLY | O.NONBLOCK | O.NOCTTY;
        const open = () => kernel.openat2(rootFd, path, { flags, resolve: IN_ROOT });
        const fd = unless(["ENOENT", "ENOTDIR"], open);
        return fd === undefined ? "" : using(kernel, fd, () => readAll(kernel, fd, path, limit));
      }),
    makeDirectory: (root, path) =>
      openRoot(kernel, root, (rootFd) => {
        try {
          makeDirectories(kernel, rootFd, path);
        } catch (error) {
          if (errnoOf(error) !== "ENOTDIR") throw error;
          throw new SkiffError("invalid_argument", `Cannot mkdir: ${path} is not a directory`);
        }
      }),
    copyUp: (root, path, target) =>
      openRoot(kernel, root, (rootFd) => {
        const how = { flags: O.RDONLY | O.DIRECTORY, resolve: IN_ROOT };
        const from = unless(["ENOENT", "ENOTDIR"], () => kernel.openat2(rootFd, path, how));
        if (from === undefined) return;
        using(kernel, from, () =>
          using(kernel, kernel.openat(AT_FDCWD, target, O.RDONLY | O.DIRECTORY | O.NOFOLLOW, 0), (to) =>
            copyTree(kernel, from, to),
          ),
        );
      }),
    resolveBelow: (root, path) =>
      openRoot(kernel, root, (rootFd) => {
        const how = { flags: O.PATH, resolve: RESOLVE.BENEATH | RESOLVE.NO_MAGICLINKS };
        const fd = unless(["ENOENT"], () => kernel.openat2(rootFd, path, how));
        if (fd === undefined)
          throw new SkiffError("not_found", `cannot access path ${path}: no such file or directory`);
        return using(kernel, fd, () => kernel.readlinkat(AT_FDCWD, `/proc/self/fd/${fd}`));
      }),
  };
}
