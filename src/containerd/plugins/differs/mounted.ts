/** A snapshot's tree for a child process: mounted in its own mount namespace, or opened directly where it is a plain directory. */
import { CLONE, MS, O, PR } from "../../../kernel/constants.ts";
import { linuxKernel } from "../../../kernel/linux.ts";
import { mountSnapshot } from "../../../kernel/tree/mount.ts";
import { SkiffError } from "../../../lib/errors.ts";
import type { SnapshotMount } from "../../core/snapshots.ts";

const DIRECTORY = O.RDONLY | O.DIRECTORY;
const AT_FDCWD = -100;
const SIGKILL = 9;

/** Nobody waits for the work of a child whose containerd has gone. */
export function dieWithParent(): void {
  linuxKernel.prctl(PR.SET_PDEATHSIG, SIGKILL);
}

/** From here on mounts of this thread are seen by nobody else, and go with it; what is unmounted outside goes here, too, and is not held. */
export function leaveMountNamespace(): void {
  linuxKernel.unshare(CLONE.NEWNS);
  linuxKernel.mount({ source: "", target: "/", type: "", flags: MS.REC | MS.SLAVE, data: "" });
}

/** Of one bind mount: the directory itself. */
function plainDirectory(mounts: readonly SnapshotMount[]): string | undefined {
  const [only] = mounts;
  return mounts.length === 1 && only !== undefined && ["bind", "rbind"].includes(only.type)
    ? only.source
    : undefined;
}

export interface OverlayDirectories {
  /** undefined: read-only. */
  readonly upper: string | undefined;
  /** The nearest first. */
  readonly lowers: readonly string[];
}

/** Of what one overlay mount is made; undefined for anything else. */
export function overlayDirectories(mounts: readonly SnapshotMount[]): OverlayDirectories | undefined {
  const [only] = mounts;
  if (mounts.length !== 1 || only?.type !== "overlay") return undefined;
  const option = (key: string) =>
    only.options.find((option) => option.startsWith(`${key}=`))?.slice(key.length + 1);
  // Names with escaped colons are not ours: those are mounted like anything else.
  const lower = option("lowerdir");
  if (lower === undefined || lower.includes("\\")) return undefined;
  return { upper: option("upperdir"), lowers: lower.split(":") };
}

/** The directories whose layers make up a tree, the nearest first; undefined when only the kernel could say. */
export function layersOf(mounts: readonly SnapshotMount[]): readonly string[] | undefined {
  const plain = plainDirectory(mounts);
  if (plain !== undefined) return [plain];
  const overlay = overlayDirectories(mounts);
  if (overlay === undefined) return undefined;
  return overlay.upper === undefined ? overlay.lowers : [overlay.upper, ...overlay.lowers];
}

export function openDirectory(path: string): number {
  return linuxKernel.openat(AT_FDCWD, path, DIRECTORY, 0);
}

export interface OpenLayer {
  readonly root: number;
  /** The root is the upper directory of an overlay over these. */
  readonly lowers?: readonly number[];
}

/** To write a layer into. Straight into an overlay's upper directory, as containerd: nothing need be mounted, and nothing is copied up. */
export function openForLayer(mounts: readonly SnapshotMount[], target: string): OpenLayer {
  const overlay = overlayDirectories(mounts);
  if (overlay?.upper !== undefined)
    return { root: openDirectory(overlay.upper), lowers: overlay.lowers.map(openDirectory) };
  if (plainDirectory(mounts) === undefined) leaveMountNamespace();
  return { root: openMounted(mounts, target) };
}

/** Answers an open directory: the tree's root. `leaveMountNamespace` came first. */
export function openMounted(mounts: readonly SnapshotMount[], target: string): number {
  if (mounts.length === 0) throw new SkiffError("invalid_argument", "no mounts: there is no tree");
  const plain = plainDirectory(mounts);
  if (plain !== undefined) return openDirectory(plain);
  for (const mount of mounts) mountSnapshot(linuxKernel, mount, target);
  return openDirectory(target);
}
