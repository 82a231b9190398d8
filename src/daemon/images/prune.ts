/** `docker image prune`. */
import type { ImageDeleted } from "../../contracts/engine/image.ts";
import { codeOf, SkiffError } from "../../lib/errors.ts";
import { canonicalString, familiarString, withDefaultTag } from "../../lib/reference.ts";
import type { Filters } from "../containers/filters.ts";
import { booleanFilter, imageFilters } from "./filters.ts";
import { publishWithLabels } from "./image-events.ts";
import { danglingName, isDangling, tryParseReference } from "./names.ts";
import type { ImageParts } from "./parts.ts";
import { byTarget } from "./repository.ts";
import { deleteImage, isIdPrefix, listImages, PARENT_LABEL, putImage, type StoredImage } from "./store.ts";
import { look, type Summarized } from "./summary.ts";

export interface ImagesPruned {
  readonly ImagesDeleted: readonly ImageDeleted[] | null;
  readonly SpaceReclaimed: number;
}

/** Names that containers were created by; an image used by its id keeps at least a nameless name. */
function keptNames(parts: ImageParts): { readonly names: Set<string>; readonly digests: Set<string> } {
  const names = new Set<string>();
  const digests = new Set<string>();
  for (const { image, config } of parts.containers.all()) {
    names.add(danglingName(image.id));
    if (isIdPrefix(image.id, config.Image)) digests.add(image.id);
    const reference = tryParseReference(config.Image);
    if (reference !== undefined) names.add(canonicalString(withDefaultTag(reference)));
  }
  return { names, digests };
}

async function isGone({ clients }: ImageParts, digest: string): Promise<boolean> {
  try {
    await clients.content.info({ digest });
    return false;
  } catch (error) {
    return codeOf(error) === "not_found";
  }
}

function blobsOf({ target, present }: Summarized): Map<string, number> {
  const blobs = new Map([[target.digest, target.size]]);
  for (const { manifest, config, layers } of present)
    for (const { digest, size } of [manifest, config, ...layers]) blobs.set(digest, size);
  return blobs;
}

async function pruneTarget(
  parts: ImageParts,
  image: Summarized,
  names: readonly StoredImage[],
): Promise<{ readonly records: ImageDeleted[]; readonly bytes: number }> {
  const blobs = blobsOf(image);
  const unpacked = [...new Set(image.present.flatMap(({ chains }) => chains))];
  const records: ImageDeleted[] = [];
  for (const name of names) {
    await deleteImage(parts, name.name, true);
    if (isDangling(name)) continue;
    const reference = tryParseReference(name.name);
    const Untagged = reference === undefined ? name.name : familiarString(reference);
    publishWithLabels(parts, "untag", name.target.digest, Untagged, image.labels ?? {});
    records.push({ Untagged });
  }
  if ((await listImages(parts, image.target.digest)).length > 0) return { records, bytes: 0 };
  publishWithLabels(parts, "delete", image.target.digest, image.target.digest, image.labels ?? {});
  let bytes = 0;
  for (const [digest, size] of blobs) {
    if (!(await isGone(parts, digest))) continue;
    records.push({ Deleted: digest });
    bytes += size;
  }
  for (const chain of unpacked) bytes += await freed(parts, chain);
  return { records, bytes };
}

/** What a snapshot took that is gone now. */
async function freed({ clients, usages, snapshotter }: ImageParts, chain: string): Promise<number> {
  const size = await usages.of(chain);
  try {
    await clients.snapshots.stat({ snapshotter, key: chain });
    return 0;
  } catch (error) {
    return codeOf(error) === "not_found" ? size : 0;
  }
}

interface Candidate {
  readonly image: Summarized;
  /** All names of the image, and those that go. */
  readonly group: readonly StoredImage[];
  readonly going: readonly StoredImage[];
}

/** A nameless step stays with the image that was built upon it. */
function withoutSteps(stored: readonly StoredImage[], candidates: readonly Candidate[]): Candidate[] {
  const going = new Set(candidates.flatMap((candidate) => candidate.going));
  const kept = stored.filter((image) => !going.has(image));
  const parents = new Set(kept.map(({ labels }) => labels[PARENT_LABEL]));
  return candidates.filter(
    ({ image, group }) => !group.every(isDangling) || !parents.has(image.target.digest),
  );
}

const running = new WeakSet<ImageParts>();

/** @throws conflict while another prune runs */
export async function pruneImages(parts: ImageParts, filters: Filters): Promise<ImagesPruned> {
  if (running.has(parts)) throw new SkiffError("conflict", "a prune operation is already running");
  running.add(parts);
  try {
    return await prune(parts, filters);
  } finally {
    running.delete(parts);
  }
}

async function prune(parts: ImageParts, filters: Filters): Promise<ImagesPruned> {
  const danglingOnly = booleanFilter(filters, "dangling") ?? true;
  const others = new Map([...filters].filter(([name]) => name !== "dangling"));
  const tests = await imageFilters(parts, others);
  const { names, digests } = keptNames(parts);
  const candidates: Candidate[] = [];
  const stored = await listImages(parts);
  for (const group of byTarget(stored)) {
    const image = await look(parts, group);
    if (!tests.every((test) => test(image))) continue;
    const going = group.filter((name) => (danglingOnly ? isDangling(name) : true) && !names.has(name.name));
    if (going.length > 0) candidates.push({ image, group, going });
  }
  const records: ImageDeleted[] = [];
  let bytes = 0;
  for (const { image, group, going } of withoutSteps(stored, candidates)) {
    const { digest } = image.target;
    if (going.length === group.length && digests.has(digest)) {
      if (group.every(isDangling)) continue;
      await putImage(parts, danglingName(digest), image.target, group[0]!.labels);
    }
    const pruned = await pruneTarget(parts, image, going);
    records.push(...pruned.records);
    bytes += pruned.bytes;
  }
  parts.events.publish("image", "prune", "", { reclaimed: String(bytes) });
  return { ImagesDeleted: records.length === 0 ? null : records, SpaceReclaimed: bytes };
}
