/**
 * containerd's mounts on a bundle's rootfs. The target is our own directory below a 0700 one, so its path is ours to trust;
 * nothing below it is looked up.
 */
import { mkdirSync } from "node:fs";
import type { RootfsMount } from "../contracts/shim/task.ts";
import { SkiffError } from "../lib/errors.ts";
import { mount, unmount } from "./syscalls.ts";

const MS_REMOUNT = 32;
const MS_BIND = 4096;
const MS_REC = 16384;
/** Option → flag; `!` in front of a name clears instead. Numbers of mount(2). */
const FLAGS: Readonly<Record<string, number>> = {
  ro: 1,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  sync: 16,
  remount: MS_REMOUNT,
  dirsync: 128,
  noatime: 1024,
  nodiratime: 2048,
  bind: MS_BIND,
  rbind: MS_BIND | MS_REC,
  relatime: 1 << 21,
  strictatime: 1 << 24,
};
const CLEARED: Readonly<Record<string, number>> = { rw: 1, suid: 2, dev: 4, exec: 8, async: 16, atime: 1024 };
/** Known to other tools, meaningless to the kernel. */
const IGNORED = new Set(["defaults", "loop"]);
/** Flags that a bind mount takes only in a second call. */
const BIND_LATER = 1 | 2 | 4 | 8 | 1024 | 2048 | (1 << 21) | (1 << 24);
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
  if ((flags & MS_BIND) === 0) {
    mount({ ...call, flags });
    return;
  }
  mount({ ...call, type: "", data: "", flags: flags & (MS_BIND | MS_REC) });
  if ((flags & BIND_LATER) !== 0) mount({ ...call, type: "", data: "", flags: flags | MS_REMOUNT });
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

/** Undoes mountRootfs of `count` mounts, also after half of it. Whatever else is mounted there is the caller's. */
export function unmountRootfs(bundle: string, count: number): void {
  for (let i = 0; i < count && unmount(`${bundle}/rootfs`); i++);
}
