/** /dev/shm of a container that shares it: the host's, another container's, or one that others may join (`--ipc shareable`). */
import { mkdirSync, rmdirSync } from "node:fs";
import { AT, AT_FDCWD, MNT_DETACH, MS, UMOUNT_NOFOLLOW } from "../../kernel/constants.ts";
import { unless } from "../../kernel/errno.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { ContainerRecord } from "./container.ts";
import { containerDir, type Parts } from "./parts.ts";
import { containerOfMode, isContainerMode } from "./spec/namespaces.ts";

type ShmParts = Pick<Parts, "kernel" | "paths" | "registry">;

const pathOf = (parts: Pick<Parts, "paths">, id: string) => `${containerDir(parts.paths, id)}/mounts/shm`;

function isMounted(parts: ShmParts, path: string): boolean {
  const status = unless(["ENOENT"], () => parts.kernel.statx(AT_FDCWD, path, AT.SYMLINK_NOFOLLOW));
  return status?.mountPoint === true;
}

/** Host path to bind over /dev/shm; undefined: the container has one of its own (or none), which the runtime mounts. */
export function prepareShm(parts: ShmParts, container: ContainerRecord): string | undefined {
  const { IpcMode, ShmSize } = container.hostConfig;
  if (container.mounts.some(({ destination }) => destination === "/dev/shm")) return undefined;
  if (IpcMode === "host") return "/dev/shm";
  if (isContainerMode(IpcMode)) {
    const other = parts.registry.get(containerOfMode(IpcMode));
    const { IpcMode: mode } = other.hostConfig;
    if (mode === "host") return "/dev/shm";
    if (mode !== "shareable")
      throw new SkiffError(
        "conflict",
        `cannot join IPC namespace of container ${other.id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
      );
    return pathOf(parts, other.id);
  }
  if (IpcMode !== "shareable") return undefined;
  const path = pathOf(parts, container.id);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (!isMounted(parts, path)) {
    const flags = MS.NOEXEC | MS.NOSUID | MS.NODEV;
    parts.kernel.mount({
      source: "shm",
      target: path,
      type: "tmpfs",
      flags,
      data: `mode=1777,size=${ShmSize}`,
    });
  }
  return path;
}

export function removeShm(parts: ShmParts, id: string): void {
  const path = pathOf(parts, id);
  if (!isMounted(parts, path)) return;
  parts.kernel.umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
  rmdirSync(path);
}
