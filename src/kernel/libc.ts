/**
 * The one door to libc. Loaded on first use (half a millisecond), by whatever is the first system call.
 *
 * Only symbols every glibc since 2.28 (Debian 10) has are named: one that is missing would make dlopen fail as a whole. Newer calls go through
 * `syscall`, whose numbers from 424 on are equal on all architectures.
 */
import { dlopen, FFIType, type Pointer, read } from "bun:ffi";
import { encodeName } from "../lib/bytes.ts";
import { SkiffError } from "../lib/errors.ts";
import { KernelError } from "./errno.ts";

const LIBRARY = "libc.so.6";
/** As a number where it fits one, else a bigint. */
const { i64_fast: I64, u64_fast: U64 } = FFIType;

function open() {
  return dlopen(LIBRARY, {
    __errno_location: { args: [], returns: "ptr" },
    syscall: {
      args: [I64, I64, "ptr", I64, I64, I64, I64],
      returns: I64,
    },
    mount: { args: ["ptr", "ptr", "ptr", U64, "ptr"], returns: "i32" },
    umount2: { args: ["ptr", "i32"], returns: "i32" },
    mkdirat: { args: ["i32", "ptr", "u32"], returns: "i32" },
    symlinkat: { args: ["ptr", "i32", "ptr"], returns: "i32" },
    linkat: { args: ["i32", "ptr", "i32", "ptr", "i32"], returns: "i32" },
    unlinkat: { args: ["i32", "ptr", "i32"], returns: "i32" },
    readlinkat: { args: ["i32", "ptr", "ptr", U64], returns: I64 },
    renameat2: { args: ["i32", "ptr", "i32", "ptr", "u32"], returns: "i32" },
    fchownat: { args: ["i32", "ptr", "u32", "u32", "i32"], returns: "i32" },
    fchmodat: { args: ["i32", "ptr", "u32", "i32"], returns: "i32" },
    utimensat: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
    lsetxattr: { args: ["ptr", "ptr", "ptr", U64, "i32"], returns: "i32" },
    fsetxattr: { args: ["i32", "ptr", "ptr", U64, "i32"], returns: "i32" },
    lgetxattr: { args: ["ptr", "ptr", "ptr", U64], returns: I64 },
    fgetxattr: { args: ["i32", "ptr", "ptr", U64], returns: I64 },
    llistxattr: { args: ["ptr", "ptr", U64], returns: I64 },
    flistxattr: { args: ["i32", "ptr", U64], returns: I64 },
    lremovexattr: { args: ["ptr", "ptr"], returns: "i32" },
    fremovexattr: { args: ["i32", "ptr"], returns: "i32" },
    openat: { args: ["i32", "ptr", "i32", "u32"], returns: "i32" },
    statx: { args: ["i32", "ptr", "i32", "u32", "ptr"], returns: "i32" },
    read: { args: ["i32", "ptr", U64], returns: I64 },
    write: { args: ["i32", "ptr", U64], returns: I64 },
    pread: { args: ["i32", "ptr", U64, I64], returns: I64 },
    pwrite: { args: ["i32", "ptr", U64, I64], returns: I64 },
    close: { args: ["i32"], returns: "i32" },
    flock: { args: ["i32", "i32"], returns: "i32" },
    fsync: { args: ["i32"], returns: "i32" },
    ftruncate: { args: ["i32", I64], returns: "i32" },
    pipe2: { args: ["ptr", "i32"], returns: "i32" },
    poll: { args: ["ptr", U64, "i32"], returns: "i32" },
    fcntl: { args: ["i32", "i32", I64], returns: "i32" },
    unshare: { args: ["i32"], returns: "i32" },
    setns: { args: ["i32", "i32"], returns: "i32" },
    statfs: { args: ["ptr", "ptr"], returns: "i32" },
    sendfile: { args: ["i32", "i32", "ptr", U64], returns: I64 },
    splice: { args: ["i32", "ptr", "i32", "ptr", U64, "u32"], returns: I64 },
    copy_file_range: { args: ["i32", "ptr", "i32", "ptr", U64, "u32"], returns: I64 },
    mkfifo: { args: ["ptr", "u32"], returns: "i32" },
    memfd_create: { args: ["ptr", "u32"], returns: "i32" },
    kill: { args: ["i32", "i32"], returns: "i32" },
    prctl: { args: ["i32", U64, U64, U64, U64], returns: "i32" },
    ioctl: { args: ["i32", U64, "ptr"], returns: "i32" },
    tcgetattr: { args: ["i32", "ptr"], returns: "i32" },
    tcsetattr: { args: ["i32", "i32", "ptr"], returns: "i32" },
    cfmakeraw: { args: ["ptr"], returns: "void" },
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
    listen: { args: ["i32", "i32"], returns: "i32" },
    getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
    setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
    getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
    sendto: { args: ["i32", "ptr", U64, "i32", "ptr", "u32"], returns: I64 },
    recv: { args: ["i32", "ptr", U64, "i32"], returns: I64 },
    sendmsg: { args: ["i32", "ptr", "i32"], returns: I64 },
    recvmsg: { args: ["i32", "ptr", "i32"], returns: I64 },
  }).symbols;
}

export type Libc = ReturnType<typeof open>;

let loaded: { readonly symbols: Libc; readonly errno: Pointer } | undefined;

function load(): NonNullable<typeof loaded> {
  if (loaded === undefined) {
    const symbols = open();
    // errno is per thread and so is this module: each worker loads its own copy.
    loaded = { symbols, errno: symbols.__errno_location() as Pointer };
  }
  return loaded;
}

export function libc(): Libc {
  return load().symbols;
}

/** errno of the last call. Nothing may stand between the call and this one. */
export function lastErrno(): number {
  return read.i32(load().errno, 0);
}

const EINTR = 4;

/**
 * Runs one libc call that answers -1 on failure; an interrupted one again.
 * @param action what a message begins with, made only when it fails
 */
export function check(action: () => string, call: (symbols: Libc) => number | bigint): number {
  const { symbols, errno } = load();
  for (;;) {
    const result = Number(call(symbols));
    if (result !== -1) return result;
    const number = read.i32(errno, 0);
    if (number !== EINTR) throw new KernelError(action(), number);
  }
}

/** A C string, of a name's very bytes (lib/bytes.ts). A NUL inside would silently cut a path short. */
export function text(value: string): Uint8Array {
  if (value.includes("\0"))
    throw new SkiffError("invalid_argument", `${JSON.stringify(value)}: has a NUL byte`);
  return encodeName(`${value}\0`);
}

/** A path as a message shows it. */
export function quote(dirfd: number, path: string): string {
  return dirfd === -100 || path.startsWith("/")
    ? JSON.stringify(path)
    : `${JSON.stringify(path)} in fd ${dirfd}`;
}
