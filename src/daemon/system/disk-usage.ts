/** `GET /system/df`. */
import type { DiskUsage } from "../../contracts/engine/system.ts";
import { SkiffError } from "../../lib/errors.ts";
import { imagesDiskUsage } from "../images/disk-usage.ts";
import type { ImageParts } from "../images/parts.ts";
import { type Volumes, volumeView } from "../volumes/main.ts";
import { treeBytes } from "../volumes/size.ts";

export const USAGE_TYPES = ["container", "image", "volume", "build-cache"];

export interface UsageParts {
  readonly images: ImageParts;
  readonly volumes: Volumes;
  /** Rows of the list of containers, with their sizes. */
  readonly containers: () => Promise<readonly object[]>;
}

async function volumesOf(volumes: Volumes) {
  const uses = volumes.uses();
  const rows = volumes.all().map(async (volume) => {
    const Size = await treeBytes(volumes.pathOf(volume.name));
    const UsageData = { RefCount: uses.get(volume.name)?.length ?? 0, Size };
    return { ...volumeView(volume, volumes.pathOf(volume.name)), UsageData };
  });
  return Promise.all(rows);
}

/** @param types none: all of them. @throws invalid_argument */
export async function diskUsage(parts: UsageParts, types: readonly string[]): Promise<DiskUsage> {
  for (const type of types)
    if (!USAGE_TYPES.includes(type)) throw new SkiffError("invalid_argument", `unknown object type: ${type}`);
  const wanted = (type: string) => types.length === 0 || types.includes(type);
  const none = { LayersSize: 0, Images: null };
  const [images, Containers, Volumes] = await Promise.all([
    wanted("image") ? imagesDiskUsage(parts.images) : none,
    wanted("container") ? parts.containers() : null,
    wanted("volume") ? volumesOf(parts.volumes) : null,
  ]);
  return {
    ...images,
    Containers: Containers as DiskUsage["Containers"],
    Volumes,
    BuildCache: wanted("build-cache") ? [] : null,
  };
}
