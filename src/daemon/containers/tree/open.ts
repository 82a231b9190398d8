/** A container's tree made ready for a while: mounted if it is not, its volumes known. */
import type { ContainerRecord } from "../container.ts";
import { isRunning } from "../container.ts";
import type { Parts } from "../parts.ts";
import type { MountTable } from "./resolve.ts";

export interface OpenTree {
  readonly container: ContainerRecord;
  /** Host path of the root file system. */
  readonly root: string;
  readonly mounts: MountTable;
}

/** What lies over the root file system for `docker cp`: volumes and binds, no tmpfs, as with dockerd. */
export function mountTable({ mounts }: ContainerRecord): MountTable {
  const lasting = mounts.filter(({ type }) => type !== "tmpfs");
  return new Map(lasting.map(({ destination, source }) => [destination, source]));
}

/**
 * Runs `body` with the tree. A container that does not run is kept from starting and from being removed meanwhile; one that runs goes its way: the
 * descriptors stay valid when it ends.
 */
export function withTree<T>(
  parts: Parts,
  reference: string,
  body: (tree: OpenTree) => Promise<T>,
): Promise<T> {
  const { id } = parts.registry.get(reference);
  const run = async (container: ContainerRecord): Promise<T> => {
    parts.volumes.attach(container);
    const root = await parts.roots.mount(id);
    return body({ container, root, mounts: mountTable(container) });
  };
  if (isRunning(parts.registry.get(id))) return run(parts.registry.get(id));
  return parts.locks.run(id, async () => {
    const container = parts.registry.get(id);
    if (isRunning(container)) return run(container);
    try {
      return await run(container);
    } finally {
      await parts.roots.unmount(id);
      parts.volumes.detach(container);
    }
  });
}
