/**
 * containerd's mounts on a bundle's rootfs. The target is our own directory below a 0700 one, so its path is ours to trust;
 * nothing below it is looked up.
 */
import { mkdirSync } from "node:fs";
import type { RootfsMount } from "../contracts/shim/task.ts";
import { MNT_DETACH, MS, UMOUNT_NOFOLLOW } from "../kernel/constants.ts";
import { KernelError } from "../kernel/errno.ts";
import { linuxKernel } from "../kernel/linux.ts";
import { SkiffError } from "../lib/errors.ts";

/** Option → flag of mount(2). */
const FLAGS: Readonly<Record<string, number>> = {
  ro: MS.RDONLY,
  nosuid: MS.NOSUID,
  nodev: MS.NODEV,
  noexec: MS.NOEXEC,
  sync: 16,
  remount: MS.REMOUNT,
  dirsync: 128,
  noatime: MS.NOATIME,
  nodiratime: 2048,
  bind: MS.BIND,
  rbind: MS.BIND | MS.REC,
  relatime: MS.RELATIME,
  strictatime: MS.STRICTATIME,
};
const CLEARED: Readonly<Record<string, number>> = {
  rw: MS.RDONLY,
  suid: MS.NOSUID,
  dev: MS.NODEV,
  exec: MS.NOEXEC,
  async: 16,
  atime: MS.NOATIME,
};
/** Known to other tools, meaningless to the kernel. */
const IGNORED = new Set(["defaults", "loop"]);
/** Flags that a bind mount takes only in a second call. */
const BIND_LATER =
  MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC | MS.NOATIME | 2048 | MS.RELATIME | MS.STRICTATIME;
/** mount(2) takes one page of data. */
const DATA_BYTES_MAX = 4095;

export function parseMountOptions(options: readonly string[]): { flags: number; data: string } {
  let flags = 0;
  const data: string[] = [];
  for (const option of options) {
    if (FLAGS[option] !== undefined) flags |= FLAGS[option];
    else if (CLEARED[option] !== undefined) flags &= ~CLEARED[option];
    else if (!IGNORED.has(option)) data.push(option);
  }
  return { flags, data: data.join(",") };
}

function mountOne(request: RootfsMount, target: string): void {
  const { flags, data } = parseMountOptions(request.options);
  if (Buffer.byteLength(data) > DATA_BYTES_MAX) {
    throw new SkiffError("invalid_argument", `mount ${target}: options longer than a page`);
  }
  const call = { source: request.source, target, type: request.type, data };
  if ((flags & MS.BIND) === 0) {
    linuxKernel.mount({ ...call, flags });
    return;
  }
  linuxKernel.mount({ ...call, type: "", data: "", flags: flags & (MS.BIND | MS.REC) });
  if ((flags & BIND_LATER) !== 0)
    linuxKernel.mount({ ...call, type: "", data: "", flags: flags | MS.REMOUNT });
}

/** Makes all mounts in order, or none. */
export function mountRootfs(bundle: string, mounts: readonly RootfsMount[]): void {
  const rootfs = `${bundle}/rootfs`;
  if (mounts.some((request) => request.target !== "")) {
    throw new SkiffError("unimplemented", "mount rootfs: mounts below the root");
  }
  try {
    mkdirSync(rootfs, { recursive: true, mode: 0o711 });
    for (const request of mounts) mountOne(request, rootfs);
  } catch (error) {
    unmountRootfs(bundle, mounts.length);
    throw error;
  }
}

/** False when nothing is mounted there. */
function unmount(target: string): boolean {
  try {
    linuxKernel.umount2(target, UMOUNT_NOFOLLOW | MNT_DETACH);
    return true;
  } catch (error) {
    if (error instanceof KernelError && (error.errno === "EINVAL" || error.errno === "ENOENT")) return false;
    throw error;
  }
}

/** Undoes mountRootfs of `count` mounts, also after half of it. Whatever else is mounted there is the caller's. */
export function unmountRootfs(bundle: string, count: number): void {
  for (let i = 0; i < count && unmount(`${bundle}/rootfs`); i++);
}
