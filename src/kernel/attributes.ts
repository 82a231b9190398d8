/** Owners, modes, times, status and extended attributes. */
import { AT_FDCWD } from "./constants.ts";
import { unless } from "./errno.ts";
import type { FileStatus, FileSystemStatus, Kernel } from "./kernel.ts";
import { check, quote, text } from "./libc.ts";

type Attributes =
  | "fchownat"
  | "fchmodat"
  | "utimensat"
  | "statx"
  | "statfs"
  | "setxattr"
  | "getxattr"
  | "listxattr"
  | "removexattr";

const STATX_BASIC_STATS = 0x7ff;
const STATX_BYTES = 256;
const STATX_ATTR_MOUNT_ROOT = 0x2000n;
const STATFS_BYTES = 120;
/** A value or a list of names is at most this long (linux/limits.h). */
const XATTR_BYTES_MAX = 65536;

/** struct statx, linux/stat.h */
function parseStatx(view: DataView): FileStatus {
  const timeNs = (at: number) =>
    view.getBigInt64(at, true) * 1_000_000_000n + BigInt(view.getUint32(at + 8, true));
  return {
    links: view.getUint32(16, true),
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    mode: view.getUint16(28, true),
    inode: view.getBigUint64(32, true),
    size: Number(view.getBigUint64(40, true)),
    blocks: Number(view.getBigUint64(48, true)),
    mountPoint: (view.getBigUint64(8, true) & STATX_ATTR_MOUNT_ROOT) !== 0n,
    accessedNs: timeNs(64),
    changedNs: timeNs(96),
    modifiedNs: timeNs(112),
    rdevMajor: view.getUint32(128, true),
    rdevMinor: view.getUint32(132, true),
    devMajor: view.getUint32(136, true),
    devMinor: view.getUint32(140, true),
  };
}

/** struct statfs of the 64-bit architectures */
function parseStatfs(view: DataView): FileSystemStatus {
  const word = (index: number) => Number(view.getBigUint64(index * 8, true));
  return {
    type: word(0),
    blockSize: word(1),
    blocks: word(2),
    blocksFree: word(3),
    blocksAvailable: word(4),
    files: word(5),
    filesFree: word(6),
  };
}

function timespecs(...times: readonly bigint[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(16 * times.length));
  times.forEach((ns, index) => {
    // Rounded down, so that times before the epoch have a positive fraction too.
    const fraction = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
    view.setBigInt64(index * 16, (ns - fraction) / 1_000_000_000n, true);
    view.setBigInt64(index * 16 + 8, fraction, true);
  });
  return new Uint8Array(view.buffer);
}

export const attributeCalls: Pick<Kernel, Attributes> = {
  fchownat(dirfd, path, uid, gid, flags) {
    const name = text(path);
    check(
      () => `change owner of ${quote(dirfd, path)}`,
      (c) => c.fchownat(dirfd, name, uid, gid, flags),
    );
  },
  fchmodat(dirfd, path, mode) {
    const name = text(path);
    check(
      () => `change mode of ${quote(dirfd, path)}`,
      (c) => c.fchmodat(dirfd, name, mode, 0),
    );
  },
  utimensat(dirfd, path, accessedNs, modifiedNs, flags) {
    const name = text(path);
    const times = timespecs(accessedNs, modifiedNs);
    check(
      () => `change times of ${quote(dirfd, path)}`,
      (c) => c.utimensat(dirfd, name, times, flags),
    );
  },
  statx(dirfd, path, flags) {
    const name = text(path);
    const result = new Uint8Array(STATX_BYTES);
    check(
      () => `stat ${quote(dirfd, path)}`,
      (c) => c.statx(dirfd, name, flags, STATX_BASIC_STATS, result),
    );
    return parseStatx(new DataView(result.buffer));
  },
  statfs(path) {
    const name = text(path);
    const result = new Uint8Array(STATFS_BYTES);
    check(
      () => `statfs ${quote(AT_FDCWD, path)}`,
      (c) => c.statfs(name, result),
    );
    return parseStatfs(new DataView(result.buffer));
  },
  setxattr(target, name, value, flags) {
    const key = text(name);
    // A typed array without bytes has no address.
    const data = value.length === 0 ? new Uint8Array(1) : value;
    const path = typeof target === "string" ? text(target) : undefined;
    check(
      () => `set ${name} of ${JSON.stringify(target)}`,
      (c) =>
        path === undefined
          ? c.fsetxattr(target as number, key, data, value.length, flags)
          : c.lsetxattr(path, key, data, value.length, flags),
    );
  },
  getxattr(target, name) {
    const key = text(name);
    const value = new Uint8Array(XATTR_BYTES_MAX);
    const path = typeof target === "string" ? text(target) : undefined;
    const length = unless(["ENODATA"], () =>
      check(
        () => `get ${name} of ${JSON.stringify(target)}`,
        (c) =>
          path === undefined
            ? c.fgetxattr(target as number, key, value, value.length)
            : c.lgetxattr(path, key, value, value.length),
      ),
    );
    return length === undefined ? undefined : value.slice(0, length);
  },
  listxattr(target) {
    const names = Buffer.alloc(XATTR_BYTES_MAX);
    const path = typeof target === "string" ? text(target) : undefined;
    const length = check(
      () => `list attributes of ${JSON.stringify(target)}`,
      (c) =>
        path === undefined
          ? c.flistxattr(target as number, names, names.length)
          : c.llistxattr(path, names, names.length),
    );
    return names.toString("utf8", 0, length).split("\0").slice(0, -1);
  },
  removexattr(target, name) {
    const key = text(name);
    const path = typeof target === "string" ? text(target) : undefined;
    check(
      () => `remove ${name} of ${JSON.stringify(target)}`,
      (c) => (path === undefined ? c.fremovexattr(target as number, key) : c.lremovexattr(path, key)),
    );
  },
};
