/** Making, linking, renaming and removing names. */
import { decodeName } from "../lib/bytes.ts";
import { AT_FDCWD } from "./constants.ts";
import type { Kernel } from "./kernel.ts";
import { check, quote, text } from "./libc.ts";

type Names =
  | "mkdirat"
  | "mknodat"
  | "mkfifo"
  | "symlinkat"
  | "readlinkat"
  | "linkat"
  | "unlinkat"
  | "renameat2";

/** asm/unistd.h: the C library's mknodat is a symbol only since glibc 2.33. */
const SYS_MKNODAT = process.arch === "arm64" ? 33 : 259;
const PATH_MAX = 4096;

export const nameCalls: Pick<Kernel, Names> = {
  mkdirat(dirfd, path, mode) {
    const name = text(path);
    check(
      () => `make directory ${quote(dirfd, path)}`,
      (c) => c.mkdirat(dirfd, name, mode),
    );
  },
  mknodat(dirfd, path, mode, device) {
    const name = text(path);
    check(
      () => `make node ${quote(dirfd, path)}`,
      (c) => c.syscall(SYS_MKNODAT, dirfd, name, mode, device, 0, 0),
    );
  },
  mkfifo(path, mode) {
    const name = text(path);
    check(
      () => `make fifo ${quote(AT_FDCWD, path)}`,
      (c) => c.mkfifo(name, mode),
    );
  },
  symlinkat(target, dirfd, path) {
    const [to, name] = [text(target), text(path)];
    check(
      () => `make symbolic link ${quote(dirfd, path)}`,
      (c) => c.symlinkat(to, dirfd, name),
    );
  },
  readlinkat(dirfd, path) {
    const name = text(path);
    const target = Buffer.alloc(PATH_MAX);
    const length = check(
      () => `read symbolic link ${quote(dirfd, path)}`,
      (c) => c.readlinkat(dirfd, name, target, PATH_MAX),
    );
    return decodeName(target.subarray(0, length));
  },
  linkat(fromDirfd, fromPath, toDirfd, toPath, flags) {
    const [from, to] = [text(fromPath), text(toPath)];
    check(
      () => `link ${quote(fromDirfd, fromPath)} to ${quote(toDirfd, toPath)}`,
      (c) => c.linkat(fromDirfd, from, toDirfd, to, flags),
    );
  },
  unlinkat(dirfd, path, flags) {
    const name = text(path);
    check(
      () => `remove ${quote(dirfd, path)}`,
      (c) => c.unlinkat(dirfd, name, flags),
    );
  },
  renameat2(fromDirfd, fromPath, toDirfd, toPath, flags) {
    const [from, to] = [text(fromPath), text(toPath)];
    check(
      () => `rename ${quote(fromDirfd, fromPath)} to ${quote(toDirfd, toPath)}`,
      (c) => c.renameat2(fromDirfd, from, toDirfd, to, flags),
    );
  },
};
