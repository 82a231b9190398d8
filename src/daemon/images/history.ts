/** `GET /images/{name}/history`: newest first; only the steps that are images themselves have an id. */
import type { ImageHistory } from "../../contracts/engine/image.ts";
import type { ImageParts } from "./parts.ts";
import { repositoryNames } from "./repository.ts";
import { platformOf } from "./source.ts";
import { findImage, listImages, PARENT_LABEL } from "./store.ts";
import { seconds } from "./summary.ts";

/** Ids and tags of the image and of those it was built from. */
async function lineage(
  parts: ImageParts,
  digest: string,
  length: number,
): Promise<{ readonly id: string; readonly tags: readonly string[] | null }[]> {
  const line: { readonly id: string; readonly tags: readonly string[] | null }[] = [];
  for (let next = digest; next !== "" && line.length < length; ) {
    const images = await listImages(parts, next);
    if (images.length === 0) break;
    const { RepoTags } = repositoryNames(images);
    line.push({ id: next, tags: RepoTags.length === 0 ? null : RepoTags });
    next = images.find(({ labels }) => labels[PARENT_LABEL] !== undefined)?.labels[PARENT_LABEL] ?? "";
  }
  return line;
}

export async function imageHistory(
  parts: ImageParts,
  reference: string,
  platform: string,
): Promise<readonly ImageHistory[]> {
  const found = await findImage(parts, reference);
  const { configuration, chains } = await platformOf(parts, found, reference, platform);
  const sizes = await Promise.all(chains.map((chain) => parts.usages.of(chain)));
  let layer = 0;
  const rows = configuration.history.map(({ comment, created, createdBy, emptyLayer }) => ({
    Comment: comment,
    Created: created === "" ? 0 : seconds(created),
    CreatedBy: createdBy,
    Size: emptyLayer ? 0 : (sizes[layer++] ?? 0),
  }));
  const line = await lineage(parts, found.target.digest, rows.length);
  return rows.toReversed().map((row, index) => ({
    ...row,
    Id: line[index]?.id ?? "<missing>",
    Tags: line[index]?.tags ?? null,
  }));
}
