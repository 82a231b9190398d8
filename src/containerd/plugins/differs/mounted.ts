/** A snapshot's tree for a child process: mounted in its own mount namespace, or opened directly where it is a plain directory. */
import { CLONE, MS, O } from "../../../kernel/constants.ts";
import { linuxKernel } from "../../../kernel/linux.ts";
import { mountSnapshot } from "../../../kernel/tree/mount.ts";
import { SkiffError } from "../../../lib/errors.ts";
import type { SnapshotMount } from "../../core/snapshots.ts";

const DIRECTORY = O.RDONLY | O.DIRECTORY;
const AT_FDCWD = -100;

/** From here on mounts of this thread are seen by nobody else, and go with it. */
export function leaveMountNamespace(): void {
  linuxKernel.unshare(CLONE.NEWNS);
  linuxKernel.mount({ source: "", target: "/", type: "", flags: MS.REC | MS.PRIVATE, data: "" });
}

/** Of one bind mount: the directory itself. */
function plainDirectory(mounts: readonly SnapshotMount[]): string | undefined {
  const [only] = mounts;
  return mounts.length === 1 && only !== undefined && ["bind", "rbind"].includes(only.type)
    ? only.source
    : undefined;
}

/** Where an overlay keeps what it changes; undefined for what is no writable overlay. */
export function upperDirectory(mounts: readonly SnapshotMount[]): string | undefined {
  const [only] = mounts;
  if (mounts.length !== 1 || only?.type !== "overlay") return undefined;
  return only.options.find((option) => option.startsWith("upperdir="))?.slice("upperdir=".length);
}

export function openDirectory(path: string): number {
  return linuxKernel.openat(AT_FDCWD, path, DIRECTORY, 0);
}

/** Answers an open directory: the tree's root. `leaveMountNamespace` came first. */
export function openMounted(mounts: readonly SnapshotMount[], target: string): number {
  if (mounts.length === 0) throw new SkiffError("invalid_argument", "no mounts: there is no tree");
  const plain = plainDirectory(mounts);
  if (plain !== undefined) return openDirectory(plain);
  for (const mount of mounts) mountSnapshot(linuxKernel, mount, target);
  return openDirectory(target);
}
