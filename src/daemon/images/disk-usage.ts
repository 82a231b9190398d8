/** What images take together, for `GET /system/df`: every blob and every layer counted once. */
import type { ImageSummary } from "../../contracts/engine/image.ts";
import { listSummaries } from "./list.ts";
import type { ImageParts } from "./parts.ts";
import { unpackedSize } from "./size.ts";
import { listImages } from "./store.ts";

export interface ImagesDiskUsage {
  /** Bytes. */
  readonly LayersSize: number;
  readonly Images: readonly ImageSummary[];
}

export async function imagesDiskUsage(parts: ImageParts): Promise<ImagesDiskUsage> {
  const options = { all: false, filters: new Map(), sharedSize: true, manifests: false };
  const Images = await listSummaries(parts, options);
  const blobs = new Map<string, number>();
  const chains = new Map<string, { readonly chains: readonly string[] }>();
  for (const { target } of await listImages(parts)) {
    blobs.set(target.digest, target.size);
    for (const image of await parts.manifests.present(target)) {
      chains.set(image.manifest.digest, image);
      for (const { digest, size } of [image.manifest, image.config, ...image.layers]) blobs.set(digest, size);
    }
  }
  const content = [...blobs.values()].reduce((sum, size) => sum + size, 0);
  return { LayersSize: content + (await unpackedSize(parts, [...chains.values()])), Images };
}
