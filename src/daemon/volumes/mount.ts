/** Volumes with `type`, `device` and `o`: a file system that is mounted at `_data` while a container that uses it runs. */
import { AT, AT_FDCWD, MNT_DETACH, UMOUNT_NOFOLLOW } from "../../kernel/constants.ts";
import { unless } from "../../kernel/errno.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { mountSnapshot } from "../../kernel/tree/mount.ts";
import { SkiffError, wrap } from "../../lib/errors.ts";

export interface VolumeMounts {
  /** Twice is fine; without options nothing is mounted. */
  mount(path: string, options: Readonly<Record<string, string>>): void;
  unmount(path: string): void;
}

export function createVolumeMounts(kernel: Kernel): VolumeMounts {
  const isMounted = (path: string) =>
    unless(["ENOENT"], () => kernel.statx(AT_FDCWD, path, AT.SYMLINK_NOFOLLOW))?.mountPoint === true;
  return {
    mount(path, { type, device, o = "" }) {
      if (type === undefined || device === undefined || isMounted(path)) return;
      const options = o.split(",").filter((word) => word !== "");
      try {
        mountSnapshot(kernel, { type, source: device, options }, path);
      } catch (error) {
        throw new SkiffError("unknown", wrap(error, "failed to mount local volume").message, {
          cause: error,
        });
      }
    },
    unmount(path) {
      while (isMounted(path)) kernel.umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
    },
  };
}
