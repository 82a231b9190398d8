/** The port `RootFilesystems`: a snapshot per container, mounted by skiffd itself at `<data-root>/rootfs/<id>`. */
import { mkdirSync, renameSync, rmdirSync } from "node:fs";
import type { Snapshots } from "../../../contracts/containerd/gen/snapshots_pb.ts";
import { AT, AT_FDCWD, MNT_DETACH, O, UMOUNT_NOFOLLOW } from "../../../kernel/constants.ts";
import { unless } from "../../../kernel/errno.ts";
import type { Kernel } from "../../../kernel/kernel.ts";
import { mountSnapshot } from "../../../kernel/tree/mount.ts";
import { removeTree } from "../../../kernel/tree/remove.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Client } from "../../../wire/h2/api.ts";
import type { RootFilesystems } from "../ports.ts";
import { traced, unlessMissing } from "./calls.ts";

export interface RootParts {
  readonly client: Client<typeof Snapshots>;
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly dataRoot: string;
  readonly snapshotter: string;
}

/**
 * A task whose create was cut off goes on making its mount points after the unmount, in the bare directory. It is moved aside first: a mount
 * point cannot be, so what is removed is never a container's tree.
 */
function discard(kernel: Kernel, directory: string, id: string): void {
  const aside = `.${id}`;
  const parent = kernel.openat(AT_FDCWD, directory, O.RDONLY | O.DIRECTORY, 0);
  try {
    removeTree(kernel, parent, aside);
    renameSync(`${directory}/${id}`, `${directory}/${aside}`);
    removeTree(kernel, parent, aside);
  } finally {
    kernel.close(parent);
  }
}

export function createRoots({ client, kernel, clock, dataRoot, snapshotter }: RootParts): RootFilesystems {
  const pathOf = (id: string) => `${dataRoot}/rootfs/${id}`;
  const isMounted = (path: string) =>
    unless(["ENOENT"], () => kernel.statx(AT_FDCWD, path, AT.SYMLINK_NOFOLLOW))?.mountPoint === true;
  return {
    async prepare(id, chainId, trace) {
      // A root of its own for containerd's garbage collection, which would take a snapshot nobody refers to.
      const labels = { "containerd.io/gc.root": new Date(clock.now()).toISOString() };
      await client.prepare({ snapshotter, key: id, parent: chainId, labels }, traced(trace));
    },
    async mount(id, trace) {
      const path = pathOf(id);
      if (isMounted(path)) return path;
      const { mounts } = await client.mounts({ snapshotter, key: id }, traced(trace));
      mkdirSync(path, { recursive: true, mode: 0o700 });
      if (!isMounted(path)) for (const mount of mounts) mountSnapshot(kernel, mount, path);
      return path;
    },
    async unmount(id) {
      const path = pathOf(id);
      // Twice mounted by a crash between check and mount, perhaps; and a busy one goes when its last user does.
      while (isMounted(path)) kernel.umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
      try {
        rmdirSync(path);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "ENOTEMPTY") discard(kernel, `${dataRoot}/rootfs`, id);
        else if (code !== "ENOENT") throw error;
      }
    },
    async layers(id) {
      const { mounts } = await client.mounts({ snapshotter, key: id });
      const option = (name: string) =>
        mounts[0]?.options.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
      const [upper, lower] = [option("upperdir"), option("lowerdir")];
      return upper === undefined || lower === undefined ? undefined : { upper, lowers: lower.split(":") };
    },
    async remove(id) {
      await unlessMissing(client.remove({ snapshotter, key: id }));
    },
  };
}
