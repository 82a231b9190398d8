/**
 * The kernel as this house sees it: every system call that `node:fs` lacks or does by path where a descriptor is needed.
 *
 * Whoever changes the machine takes a `Kernel` as a part, so that a unit test can hand in `createFakeKernel()` (fake.ts) and read back what would
 * have been done. `linuxKernel` (linux.ts) is the real one. All calls are synchronous; those that may wait long (read from a pipe, flock without
 * NB) must only be used on descriptors that are ready. A failing call throws KernelError, a SkiffError with the errno's name in `errno`:
 * ENOENT, ESRCH → not_found, EEXIST → already_exists, EACCES, EPERM → permission_denied, ENOSYS → unimplemented, else internal. EINTR is never seen.
 *
 * `dirfd` is a directory's descriptor or AT_FDCWD; flags are the numbers of constants.ts. Descriptors made here are closed on exec; whoever got
 * one closes it.
 */
export interface Kernel {
  // Mounts: mount(2), umount2(2)
  mount(call: MountCall): void;
  umount2(target: string, flags: number): void;

  // Names: the *at calls of man section 2. `device` is makeDevice(major, minor), 0 for anything that is no device.
  mkdirat(dirfd: number, path: string, mode: number): void;
  mknodat(dirfd: number, path: string, mode: number, device: number): void;
  mkfifo(path: string, mode: number): void;
  symlinkat(target: string, dirfd: number, path: string): void;
  readlinkat(dirfd: number, path: string): string;
  linkat(fromDirfd: number, fromPath: string, toDirfd: number, toPath: string, flags: number): void;
  unlinkat(dirfd: number, path: string, flags: number): void;
  renameat2(fromDirfd: number, fromPath: string, toDirfd: number, toPath: string, flags: number): void;

  // Attributes. chmod follows a symbolic link: open it with O_PATH|O_NOFOLLOW first where that matters.
  fchownat(dirfd: number, path: string, uid: number, gid: number, flags: number): void;
  fchmodat(dirfd: number, path: string, mode: number): void;
  /** Nanoseconds since the epoch. */
  utimensat(dirfd: number, path: string, accessedNs: bigint, modifiedNs: bigint, flags: number): void;
  statx(dirfd: number, path: string, flags: number): FileStatus;
  statfs(path: string): FileSystemStatus;
  /** `target`: a path (not followed when it is a symbolic link), or a descriptor. */
  setxattr(target: string | number, name: string, value: Uint8Array, flags: number): void;
  /** undefined when there is none of that name. */
  getxattr(target: string | number, name: string): Uint8Array | undefined;
  listxattr(target: string | number): string[];
  removexattr(target: string | number, name: string): void;

  // Descriptors
  openat(dirfd: number, path: string, flags: number, mode: number): number;
  /** openat2(2): `resolve` bounds the way the path may go (RESOLVE_IN_ROOT …). */
  openat2(dirfd: number, path: string, how: OpenHow): number;
  /** 0 is the end of the file. */
  read(fd: number, buffer: Uint8Array): number;
  /** Bytes written, perhaps fewer than given. */
  write(fd: number, data: Uint8Array): number;
  pread(fd: number, buffer: Uint8Array, offset: number): number;
  pwrite(fd: number, data: Uint8Array, offset: number): number;
  close(fd: number): void;
  fsync(fd: number): void;
  ftruncate(fd: number, size: number): void;
  /** False when LOCK.NB was asked for and somebody else holds it. */
  flock(fd: number, operation: number): boolean;
  fcntl(fd: number, command: number, argument: number): number;
  /** [end to read from, end to write to]; `flags` O.NONBLOCK, CLOEXEC is always on. */
  pipe2(flags: number): [number, number];
  sendfile(outFd: number, inFd: number, count: number): number;
  splice(inFd: number, outFd: number, count: number, flags: number): number;
  copyFileRange(inFd: number, outFd: number, count: number): number;
  memfdCreate(name: string, flags: number): number;

  // Namespaces: of the calling thread only. Undo it in the same tick; the event loop must never run inside.
  unshare(flags: number): void;
  setns(fd: number, type: number): void;

  // Processes
  kill(pid: number, signal: number): void;
  pidfdOpen(pid: number): number;
  pidfdSendSignal(pidfd: number, signal: number): void;
  prctl(option: number, argument: number): void;
}

export interface MountCall {
  readonly source: string;
  readonly target: string;
  /** File system type; "" for bind mounts and changes of propagation. */
  readonly type: string;
  readonly flags: number;
  /** File system options, at most one page; "" for none. */
  readonly data: string;
}

export interface OpenHow {
  readonly flags: number;
  /** Only with O_CREAT. */
  readonly mode?: number;
  /** RESOLVE.* */
  readonly resolve: number;
}

export interface FileStatus {
  /** Type and permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly inode: bigint;
  readonly links: number;
  readonly accessedNs: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
  /** Of the device a node stands for. */
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  /** Of the file system it lies on. */
  readonly devMajor: number;
  readonly devMinor: number;
  readonly blocks: number;
  readonly mountPoint: boolean;
}

export interface FileSystemStatus {
  /** Magic number of statfs(2): 0x01021994 tmpfs, 0x63677270 cgroup2, 0x27e0eb cgroup … */
  readonly type: number;
  readonly blockSize: number;
  readonly blocks: number;
  readonly blocksFree: number;
  readonly blocksAvailable: number;
  readonly files: number;
  readonly filesFree: number;
}

/** A device number as mknod(2) takes it (glibc's gnu_dev_makedev, 32 bits used). */
export function makeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}
