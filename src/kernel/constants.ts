/** Numbers of the Linux user interface (include/uapi), which Bun's own `constants` lack or get wrong. Same on x86-64 and arm64 unless said. */
const ARM = process.arch === "arm64";

export const AT_FDCWD = -100;
export const AT = Object.freeze({
  SYMLINK_NOFOLLOW: 0x100,
  REMOVEDIR: 0x200,
  SYMLINK_FOLLOW: 0x400,
  EMPTY_PATH: 0x1000,
});

/** asm/fcntl.h: four of the values differ on arm64. */
export const O = Object.freeze({
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  NOCTTY: 0o400,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  DIRECTORY: ARM ? 0o40000 : 0o200000,
  NOFOLLOW: ARM ? 0o100000 : 0o400000,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
});

/** linux/openat2.h */
export const RESOLVE = Object.freeze({
  NO_XDEV: 0x01,
  NO_MAGICLINKS: 0x02,
  NO_SYMLINKS: 0x04,
  BENEATH: 0x08,
  IN_ROOT: 0x10,
});

/** linux/mount.h */
export const MS = Object.freeze({
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  REMOUNT: 32,
  NOATIME: 1024,
  BIND: 4096,
  MOVE: 8192,
  REC: 16384,
  SILENT: 32768,
  UNBINDABLE: 1 << 17,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
  RELATIME: 1 << 21,
  STRICTATIME: 1 << 24,
});
export const MNT_DETACH = 2;
export const UMOUNT_NOFOLLOW = 8;

/** linux/sched.h */
export const CLONE = Object.freeze({
  NEWNS: 0x00020000,
  NEWCGROUP: 0x02000000,
  NEWUTS: 0x04000000,
  NEWIPC: 0x08000000,
  NEWUSER: 0x10000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
});

export const RENAME = Object.freeze({ NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 });
export const XATTR = Object.freeze({ CREATE: 1, REPLACE: 2 });
export const LOCK = Object.freeze({ SH: 1, EX: 2, NB: 4, UN: 8 });
export const SPLICE = Object.freeze({ MOVE: 1, NONBLOCK: 2, MORE: 4 });
export const MFD = Object.freeze({ CLOEXEC: 1, ALLOW_SEALING: 2 });
export const SEAL = Object.freeze({ SEAL: 1, SHRINK: 2, GROW: 4, WRITE: 8 });
export const FCNTL = Object.freeze({
  GETFD: 1,
  SETFD: 2,
  GETFL: 3,
  SETFL: 4,
  SETPIPE_SZ: 1031,
  ADD_SEALS: 1033,
});
export const FD_CLOEXEC = 1;
export const PR = Object.freeze({
  SET_PDEATHSIG: 1,
  SET_NAME: 15,
  SET_CHILD_SUBREAPER: 36,
  SET_NO_NEW_PRIVS: 38,
});

/** File types of `st_mode`. */
export const S = Object.freeze({
  IFMT: 0o170000,
  IFIFO: 0o010000,
  IFCHR: 0o020000,
  IFDIR: 0o040000,
  IFBLK: 0o060000,
  IFREG: 0o100000,
  IFLNK: 0o120000,
  IFSOCK: 0o140000,
});
