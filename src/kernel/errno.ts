/** errno: numbers as on every Linux architecture Bun runs on (x86-64, arm64), names, and our error codes for them. */
import { type ErrorCode, SkiffError } from "../lib/errors.ts";

/** Number → name and what strerror(3) says. */
const ERRNOS = {
  1: ["EPERM", "operation not permitted"],
  2: ["ENOENT", "no such file or directory"],
  3: ["ESRCH", "no such process"],
  4: ["EINTR", "interrupted system call"],
  5: ["EIO", "input/output error"],
  6: ["ENXIO", "no such device or address"],
  7: ["E2BIG", "argument list too long"],
  8: ["ENOEXEC", "exec format error"],
  9: ["EBADF", "bad file descriptor"],
  10: ["ECHILD", "no child processes"],
  11: ["EAGAIN", "resource temporarily unavailable"],
  12: ["ENOMEM", "cannot allocate memory"],
  13: ["EACCES", "permission denied"],
  14: ["EFAULT", "bad address"],
  15: ["ENOTBLK", "block device required"],
  16: ["EBUSY", "device or resource busy"],
  17: ["EEXIST", "file exists"],
  18: ["EXDEV", "invalid cross-device link"],
  19: ["ENODEV", "no such device"],
  20: ["ENOTDIR", "not a directory"],
  21: ["EISDIR", "is a directory"],
  22: ["EINVAL", "invalid argument"],
  23: ["ENFILE", "too many open files in system"],
  24: ["EMFILE", "too many open files"],
  25: ["ENOTTY", "inappropriate ioctl for device"],
  26: ["ETXTBSY", "text file busy"],
  27: ["EFBIG", "file too large"],
  28: ["ENOSPC", "no space left on device"],
  29: ["ESPIPE", "illegal seek"],
  30: ["EROFS", "read-only file system"],
  31: ["EMLINK", "too many links"],
  32: ["EPIPE", "broken pipe"],
  34: ["ERANGE", "numerical result out of range"],
  36: ["ENAMETOOLONG", "file name too long"],
  38: ["ENOSYS", "function not implemented"],
  39: ["ENOTEMPTY", "directory not empty"],
  40: ["ELOOP", "too many levels of symbolic links"],
  61: ["ENODATA", "no data available"],
  71: ["EPROTO", "protocol error"],
  75: ["EOVERFLOW", "value too large for defined data type"],
  88: ["ENOTSOCK", "socket operation on non-socket"],
  90: ["EMSGSIZE", "message too long"],
  92: ["ENOPROTOOPT", "protocol not available"],
  93: ["EPROTONOSUPPORT", "protocol not supported"],
  95: ["EOPNOTSUPP", "operation not supported"],
  97: ["EAFNOSUPPORT", "address family not supported by protocol"],
  98: ["EADDRINUSE", "address already in use"],
  99: ["EADDRNOTAVAIL", "cannot assign requested address"],
  100: ["ENETDOWN", "network is down"],
  101: ["ENETUNREACH", "network is unreachable"],
  104: ["ECONNRESET", "connection reset by peer"],
  105: ["ENOBUFS", "no buffer space available"],
  110: ["ETIMEDOUT", "connection timed out"],
  111: ["ECONNREFUSED", "connection refused"],
  113: ["EHOSTUNREACH", "no route to host"],
  115: ["EINPROGRESS", "operation now in progress"],
  116: ["ESTALE", "stale file handle"],
  122: ["EDQUOT", "disk quota exceeded"],
} as const satisfies Record<number, readonly [name: string, text: string]>;

export type ErrnoName = (typeof ERRNOS)[keyof typeof ERRNOS][0];

/** Everything not named here is `internal`. */
const CODES: Partial<Record<ErrnoName, ErrorCode>> = {
  ENOENT: "not_found",
  ESRCH: "not_found",
  EEXIST: "already_exists",
  EACCES: "permission_denied",
  EPERM: "permission_denied",
  ENOSYS: "unimplemented",
};

/** A system call that failed: `open "x": ENOENT (no such file or directory)`. */
export class KernelError extends SkiffError {
  readonly errno: ErrnoName | `E${number}`;
  /** What strerror(3) says of it. */
  readonly text: string;

  constructor(
    action: string,
    readonly errnoNumber: number,
  ) {
    const [name, text] = nameErrno(errnoNumber);
    super(CODES[name as ErrnoName] ?? "internal", `${action}: ${name} (${text})`);
    this.errno = name;
    this.text = text;
  }
}

function nameErrno(number: number): readonly [ErrnoName | `E${number}`, string] {
  return (
    (ERRNOS as Record<number, readonly [ErrnoName, string]>)[number] ?? [`E${number}`, `error ${number}`]
  );
}

/** The errno's name when a system call of ours has thrown, undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof KernelError ? error.errno : undefined;
}

/** Runs `call`; one of the named errnos makes it answer undefined, anything else goes on. */
export function unless<T>(names: readonly ErrnoName[], call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    const name = errnoOf(error);
    if (name !== undefined && (names as readonly string[]).includes(name)) return undefined;
    throw error;
  }
}
