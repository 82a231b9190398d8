/** Keeps what has lost its last name. */
import { danglingName } from "./names.ts";
import type { ImageParts } from "./parts.ts";
import { listImages, putImage, type StoredImage } from "./store.ts";

/** Gives it a name nobody wrote, unless another name has the same target. */
export async function keepDangling(
  parts: Pick<ImageParts, "clients">,
  image: Pick<StoredImage, "target" | "labels">,
): Promise<void> {
  const { target, labels } = image;
  if ((await listImages(parts, target.digest)).length > 0) return;
  await putImage(parts, danglingName(target.digest), target, labels);
}
