/**
 * containerd's mounts on a bundle's rootfs. The target is our own directory below a 0700 one, so its path is ours to trust;
 * nothing below it is looked up.
 */
import { mkdirSync } from "node:fs";
import type { RootfsMount } from "../contracts/shim/task.ts";
import { linuxKernel } from "../kernel/linux.ts";
import { mountSnapshot, unmount } from "../kernel/tree/mount.ts";
import { SkiffError } from "../lib/errors.ts";

/** Makes all mounts in order, or none. */
export function mountRootfs(bundle: string, mounts: readonly RootfsMount[]): void {
  const rootfs = `${bundle}/rootfs`;
  if (mounts.some((request) => request.target !== "")) {
    throw new SkiffError("unimplemented", "mount rootfs: mounts below the root");
  }
  try {
    mkdirSync(rootfs, { recursive: true, mode: 0o711 });
    for (const request of mounts) mountSnapshot(linuxKernel, request, rootfs);
  } catch (error) {
    unmountRootfs(bundle, mounts.length);
    throw error;
  }
}

/** Undoes mountRootfs of `count` mounts, also after half of it. Whatever else is mounted there is the caller's. */
export function unmountRootfs(bundle: string, count: number): void {
  for (let i = 0; i < count && unmount(linuxKernel, `${bundle}/rootfs`); i++);
}
