/** Images: names for content. An image is a root of garbage collection; its name is any text, its target a descriptor. */
import type { Descriptor } from "./content.ts";

export interface Image {
  readonly name: string;
  readonly target: Descriptor;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAtNs: bigint;
  readonly updatedAtNs: bigint;
}

export interface ImageStore {
  /** @throws not_found */
  get(namespace: string, name: string): Image;
  list(namespace: string): Image[];
  /** Publishes /images/create. @throws already_exists */
  create(namespace: string, image: Pick<Image, "name" | "target" | "labels">): Image;
  /** `paths` as containerd's field mask (`target`, `labels`, `labels.x`); none: everything. Publishes /images/update. @throws not_found */
  update(
    namespace: string,
    image: Pick<Image, "name" | "target" | "labels">,
    paths: readonly string[],
  ): Image;
  /** Publishes /images/delete. @throws not_found */
  delete(namespace: string, name: string): void;
}
