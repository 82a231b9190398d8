/** `GET /images/json`. */
import type { ImageSummary } from "../../contracts/engine/image.ts";
import type { Filters } from "../containers/filters.ts";
import { imageFilters, matchesReference } from "./filters.ts";
import { isDangling } from "./names.ts";
import type { ImageParts } from "./parts.ts";
import { byTarget } from "./repository.ts";
import { listImages, PARENT_LABEL, type StoredImage } from "./store.ts";
import { look, manifestSummaries, type Summarized, summarize } from "./summary.ts";

export interface ListImagesOptions {
  /** Also what only lies below other images. */
  readonly all: boolean;
  readonly filters: Filters;
  readonly sharedSize: boolean;
  readonly manifests: boolean;
}

/** Steps of a classic build: without a name and the parent of something. */
function withoutSteps(images: readonly StoredImage[]): StoredImage[] {
  const parents = new Set(images.map(({ labels }) => labels[PARENT_LABEL]));
  return images.filter((image) => !isDangling(image) || !parents.has(image.target.digest));
}

/** Bytes of the layers that other images of the list have, too. */
async function sharedSizes(parts: ImageParts, images: readonly Summarized[]): Promise<number[]> {
  const chainsOf = ({ present }: Summarized) => new Set(present.flatMap(({ chains }) => chains));
  const users = new Map<string, number>();
  for (const image of images)
    for (const chain of chainsOf(image)) users.set(chain, (users.get(chain) ?? 0) + 1);
  const rows = images.map(async (image) => {
    const shared = [...chainsOf(image)].filter((chain) => users.get(chain)! > 1);
    const sizes = await Promise.all(shared.map((chain) => parts.usages.of(chain)));
    return sizes.reduce((sum, size) => sum + size, 0);
  });
  return Promise.all(rows);
}

export async function listSummaries(
  parts: ImageParts,
  options: ListImagesOptions,
): Promise<readonly ImageSummary[]> {
  const tests = await imageFilters(parts, options.filters);
  const patterns = options.filters.get("reference") ?? [];
  const stored = await listImages(parts);
  const named = (options.all ? stored : withoutSteps(stored)).filter(
    ({ name }) => patterns.length === 0 || patterns.some((pattern) => matchesReference(name, pattern)),
  );
  const looked: Summarized[] = [];
  for (const group of byTarget(named)) {
    try {
      const image = await look(parts, group);
      if (tests.every((test) => test(image))) looked.push(image);
    } catch (error) {
      parts.log(`list images: ${group[0]!.name}: ${(error as Error).message}`);
    }
  }
  const containers = parts.containers.all();
  const shared = options.sharedSize ? await sharedSizes(parts, looked) : [];
  const rows = looked.map(async (image, index) => ({
    ...(await summarize(parts, containers, image)),
    ...(options.sharedSize ? { SharedSize: shared[index]! } : {}),
    ...(options.manifests ? { Manifests: await manifestSummaries(parts, image) } : {}),
  }));
  return (await Promise.all(rows)).sort((a, b) => b.Created - a.Created);
}
