/** The system calls of the shim that Bun does not have: socket pairs and mounts. */
import { dlopen, type Pointer, ptr, read } from "bun:ffi";
import { SkiffError } from "../lib/errors.ts";

function openLibc() {
  return dlopen("libc.so.6", {
    socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
    mount: { args: ["ptr", "ptr", "ptr", "u64", "ptr"], returns: "i32" },
    umount2: { args: ["ptr", "i32"], returns: "i32" },
    __errno_location: { args: [], returns: "ptr" },
  }).symbols;
}

let libc: ReturnType<typeof openLibc> | undefined;

/** Loaded on first use: it costs half a millisecond. */
function symbols(): ReturnType<typeof openLibc> {
  libc ??= openLibc();
  return libc;
}

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 0o2000001;
const UMOUNT_NOFOLLOW_DETACH = 8 | 2;
const ENOENT = 2;
const EINVAL = 22;

function errno(): number {
  return read.i32(symbols().__errno_location() as Pointer, 0);
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

/** Two connected stream sockets, closed on exec. */
export function socketPair(): [number, number] {
  const pair = new Int32Array(2);
  if (symbols().socketpair(AF_UNIX, SOCK_STREAM_CLOEXEC, 0, ptr(pair)) !== 0) {
    throw new SkiffError("resource_exhausted", `make socket pair: errno ${errno()}`);
  }
  return [pair[0]!, pair[1]!];
}

export interface MountCall {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly flags: number;
  readonly data: string;
}

/** mount(2). */
export function mount(call: MountCall): void {
  const words = [call.source, call.target, call.type, call.data].map(text);
  const [source, target, type, data] = words.map((word) => ptr(word));
  if (symbols().mount(source!, target!, type!, BigInt(call.flags), data!) !== 0) {
    throw new SkiffError("unknown", `mount ${call.source} on ${call.target}: errno ${errno()}`);
  }
}

/** Unmounts the topmost mount of `target`, lazily; false when nothing is mounted there. */
export function unmount(target: string): boolean {
  const word = text(target);
  if (symbols().umount2(ptr(word), UMOUNT_NOFOLLOW_DETACH) === 0) return true;
  const cause = errno();
  if (cause === EINVAL || cause === ENOENT) return false;
  throw new SkiffError("unknown", `unmount ${target}: errno ${cause}`);
}
