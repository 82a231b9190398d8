/** Opening, reading, writing, locking and moving bytes between descriptors. */
import { ptr } from "bun:ffi";
import { FCNTL, LOCK, O, SEAL } from "./constants.ts";
import { unless } from "./errno.ts";
import type { Kernel } from "./kernel.ts";
import { check, quote, text } from "./libc.ts";

type Descriptors =
  | "openat"
  | "openat2"
  | "read"
  | "write"
  | "pread"
  | "pwrite"
  | "close"
  | "fsync"
  | "ftruncate"
  | "flock"
  | "fcntl"
  | "pipe2"
  | "sendfile"
  | "splice"
  | "copyFileRange"
  | "memfdCreate";

const SYS_OPENAT2 = 437;
const OPEN_HOW_BYTES = 24;
const OPEN_TRIES_MAX = 128;

export const descriptorCalls: Pick<Kernel, Descriptors> = {
  openat(dirfd, path, flags, mode) {
    const name = text(path);
    return check(
      () => `open ${quote(dirfd, path)}`,
      (c) => c.openat(dirfd, name, flags | O.CLOEXEC, mode),
    );
  },
  openat2(dirfd, path, { flags, mode = 0, resolve }) {
    const name = text(path);
    const how = new BigUint64Array([BigInt(flags | O.CLOEXEC), BigInt(mode), BigInt(resolve)]);
    const open = () =>
      check(
        () => `open ${quote(dirfd, path)}`,
        (c) => c.syscall(SYS_OPENAT2, dirfd, name, ptr(how), OPEN_HOW_BYTES, 0, 0),
      );
    // A rename or mount anywhere meanwhile makes a bounded look-up of ".." give up: openat2(2).
    for (let tries = 1; tries < OPEN_TRIES_MAX; tries++) {
      const fd = unless(["EAGAIN"], open);
      if (fd !== undefined) return fd;
    }
    return open();
  },
  read: (fd, buffer) =>
    buffer.length === 0
      ? 0
      : check(
          () => `read fd ${fd}`,
          (c) => c.read(fd, buffer, buffer.length),
        ),
  write: (fd, data) =>
    data.length === 0
      ? 0
      : check(
          () => `write fd ${fd}`,
          (c) => c.write(fd, data, data.length),
        ),
  pread: (fd, buffer, offset) =>
    buffer.length === 0
      ? 0
      : check(
          () => `read fd ${fd}`,
          (c) => c.pread(fd, buffer, buffer.length, offset),
        ),
  pwrite: (fd, data, offset) =>
    data.length === 0
      ? 0
      : check(
          () => `write fd ${fd}`,
          (c) => c.pwrite(fd, data, data.length, offset),
        ),
  close(fd) {
    check(
      () => `close fd ${fd}`,
      (c) => c.close(fd),
    );
  },
  fsync(fd) {
    check(
      () => `sync fd ${fd}`,
      (c) => c.fsync(fd),
    );
  },
  ftruncate(fd, size) {
    check(
      () => `truncate fd ${fd}`,
      (c) => c.ftruncate(fd, size),
    );
  },
  flock(fd, operation) {
    const call = () =>
      check(
        () => `lock fd ${fd}`,
        (c) => c.flock(fd, operation),
      );
    return (operation & LOCK.NB ? unless(["EAGAIN"], call) : call()) !== undefined;
  },
  fcntl: (fd, command, argument) =>
    check(
      () => `fcntl ${command} of fd ${fd}`,
      (c) => c.fcntl(fd, command, argument),
    ),
  pipe2(flags) {
    const ends = new Int32Array(2);
    check(
      () => "make pipe",
      (c) => c.pipe2(ends, flags | O.CLOEXEC),
    );
    return [ends[0]!, ends[1]!];
  },
  sendfile: (outFd, inFd, count) =>
    check(
      () => `sendfile fd ${inFd} to fd ${outFd}`,
      (c) => c.sendfile(outFd, inFd, null, count),
    ),
  splice: (inFd, outFd, count, flags) =>
    check(
      () => `splice fd ${inFd} to fd ${outFd}`,
      (c) => c.splice(inFd, null, outFd, null, count, flags),
    ),
  copyFileRange: (inFd, outFd, count) =>
    check(
      () => `copy fd ${inFd} to fd ${outFd}`,
      (c) => c.copy_file_range(inFd, null, outFd, null, count, 0),
    ),
  memfdCreate(name, flags) {
    const label = text(name);
    return check(
      () => `make memory file ${name}`,
      (c) => c.memfd_create(label, flags),
    );
  },
};

/** No byte and no length of a memory file may change any more. */
export function seal(kernel: Kernel, fd: number): void {
  kernel.fcntl(fd, FCNTL.ADD_SEALS, SEAL.SEAL | SEAL.SHRINK | SEAL.GROW | SEAL.WRITE);
}

export function setNonBlocking(kernel: Kernel, fd: number): void {
  kernel.fcntl(fd, FCNTL.SETFL, kernel.fcntl(fd, FCNTL.GETFL, 0) | O.NONBLOCK);
}
