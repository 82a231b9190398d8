/** The names of one image, as lists and inspect show them. */
import { familiarName, familiarString } from "../../lib/reference.ts";
import { isDangling, tryParseReference } from "./names.ts";
import type { StoredImage } from "./store.ts";

export interface RepositoryNames {
  readonly RepoTags: string[];
  readonly RepoDigests: string[];
}

/** @param images all with the same target */
export function repositoryNames(images: readonly StoredImage[]): RepositoryNames {
  const tags = new Set<string>();
  const digests = new Set<string>();
  for (const image of images) {
    if (isDangling(image)) continue;
    const reference = tryParseReference(image.name);
    if (reference === undefined) {
      // Made by another client of containerd: shown, so that it can be removed.
      tags.add(image.name);
      continue;
    }
    if (reference.digest === "") tags.add(familiarString(reference));
    digests.add(`${familiarName(reference)}@${image.target.digest}`);
  }
  return { RepoTags: [...tags], RepoDigests: [...digests] };
}

/** By target, in the order of the list. */
export function byTarget(images: readonly StoredImage[]): StoredImage[][] {
  const groups = new Map<string, StoredImage[]>();
  for (const image of images) {
    const group = groups.get(image.target.digest);
    if (group === undefined) groups.set(image.target.digest, [image]);
    else group.push(image);
  }
  return [...groups.values()];
}
