/** Copies a tree by descriptors: no name is ever resolved through a symbolic link, on neither side. */
import { AT, O, S } from "../../../kernel/constants.ts";
import { unless } from "../../../kernel/errno.ts";
import type { FileStatus, Kernel } from "../../../kernel/kernel.ts";
import { makeDevice } from "../../../kernel/kernel.ts";
import { namesIn } from "../../../kernel/tree/remove.ts";

const COPY_BYTES = 1 << 30;
const DEPTH_MAX = 1024;

/** Owner before mode: chown clears the set-user-ID bit. */
function copyAttributes(kernel: Kernel, from: number, to: number, status: FileStatus): void {
  kernel.fchownat(to, "", status.uid, status.gid, AT.EMPTY_PATH);
  kernel.fchmodat(-100, `/proc/self/fd/${to}`, status.mode & 0o7777);
  for (const name of kernel.listxattr(from)) {
    const value = kernel.getxattr(from, name);
    // A label or capability the file system of the volume cannot keep is no reason to fail.
    if (value !== undefined) unless(["EOPNOTSUPP", "EPERM"], () => kernel.setxattr(to, name, value, 0));
  }
  kernel.utimensat(-100, `/proc/self/fd/${to}`, status.accessedNs, status.modifiedNs, 0);
}

function copyFile(kernel: Kernel, fromDir: number, toDir: number, name: string, status: FileStatus): void {
  const from = kernel.openat(fromDir, name, O.RDONLY | O.NOFOLLOW | O.NONBLOCK, 0);
  try {
    const to = kernel.openat(toDir, name, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, 0o600);
    try {
      while (kernel.sendfile(to, from, COPY_BYTES) > 0);
      copyAttributes(kernel, from, to, status);
    } finally {
      kernel.close(to);
    }
  } finally {
    kernel.close(from);
  }
}

function copySpecial(kernel: Kernel, fromDir: number, toDir: number, name: string, status: FileStatus): void {
  if ((status.mode & S.IFMT) === S.IFLNK) {
    kernel.symlinkat(kernel.readlinkat(fromDir, name), toDir, name);
  } else {
    kernel.mknodat(toDir, name, status.mode, makeDevice(status.rdevMajor, status.rdevMinor));
  }
  kernel.fchownat(toDir, name, status.uid, status.gid, AT.SYMLINK_NOFOLLOW);
}

function copyEntries(kernel: Kernel, from: number, to: number, depth: number): void {
  if (depth > DEPTH_MAX) return;
  for (const name of namesIn(from)) {
    const status = kernel.statx(from, name, AT.SYMLINK_NOFOLLOW);
    const type = status.mode & S.IFMT;
    if (type === S.IFREG) {
      copyFile(kernel, from, to, name, status);
    } else if (type === S.IFDIR) {
      const source = kernel.openat(from, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW, 0);
      kernel.mkdirat(to, name, 0o700);
      const target = kernel.openat(to, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW, 0);
      copyEntries(kernel, source, target, depth + 1);
      copyAttributes(kernel, source, target, status);
      kernel.close(source);
      kernel.close(target);
    } else if (type !== S.IFSOCK) {
      copySpecial(kernel, from, to, name, status);
    }
  }
}

/** Copies the entries and the directory's own owner and mode; does nothing when `to` has entries. Hard links become files of their own. */
export function copyTree(kernel: Kernel, from: number, to: number): void {
  if (namesIn(to).length > 0) return;
  copyEntries(kernel, from, to, 0);
  copyAttributes(kernel, from, to, kernel.statx(from, "", AT.EMPTY_PATH));
}
