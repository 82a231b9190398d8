/** Image events with Docker's attributes: the labels, and a name. */
import type { ImageParts } from "./parts.ts";
import { findImage } from "./store.ts";

/** @param id digest, or for pull and push the name; @param name attribute `name` */
export async function publishImage(
  parts: ImageParts,
  action: string,
  id: string,
  name: string,
): Promise<void> {
  let labels: Readonly<Record<string, string>> = {};
  try {
    const image = await findImage(parts, id);
    const best = await parts.manifests.best(image.target, parts.platform);
    labels = best?.configuration.config.Labels ?? {};
  } catch {
    // Gone already: then there are no labels to tell.
  }
  publishWithLabels(parts, action, id, name, labels);
}

export function publishWithLabels(
  parts: Pick<ImageParts, "events">,
  action: string,
  id: string,
  name: string,
  labels: Readonly<Record<string, string>>,
): void {
  parts.events.publish("image", action, id, { ...labels, ...(name === "" ? {} : { name }) });
}
