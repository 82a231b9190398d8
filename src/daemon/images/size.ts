/** How much an image takes: its blobs, and its layers unpacked. */
import type { Descriptor } from "./documents.ts";
import { isIndex } from "./documents.ts";
import type { PlatformImage } from "./manifests.ts";
import type { ImageParts } from "./parts.ts";

export interface ImageSize {
  readonly content: number;
  readonly unpacked: number;
}

/** Bytes of the blobs of these, each counted once. */
export function contentSize(target: Descriptor, images: readonly PlatformImage[]): number {
  const sizes = new Map<string, number>();
  if (isIndex(target.mediaType)) sizes.set(target.digest, target.size);
  for (const { manifest, config, layers } of images)
    for (const { digest, size } of [manifest, config, ...layers]) sizes.set(digest, size);
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

export async function unpackedSize(
  { usages }: Pick<ImageParts, "usages">,
  images: readonly Pick<PlatformImage, "chains">[],
): Promise<number> {
  const chains = [...new Set(images.flatMap((image) => image.chains))];
  const sizes = await Promise.all(chains.map((chain) => usages.of(chain)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

export async function sizeOf(
  parts: Pick<ImageParts, "usages">,
  target: Descriptor,
  images: readonly PlatformImage[],
): Promise<ImageSize> {
  return { content: contentSize(target, images), unpacked: await unpackedSize(parts, images) };
}
