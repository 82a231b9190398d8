/**
 * `docker rmi`. A name is one of perhaps several: removing it only untags, unless it was the last. Containers are in the way: running ones always,
 * stopped ones unless forced.
 */
import type { ImageDeleted } from "../../contracts/engine/image.ts";
import { SkiffError } from "../../lib/errors.ts";
import { familiarString, parseReference, repositoryOf } from "../../lib/reference.ts";
import { isRunning } from "../containers/container.ts";
import { publishWithLabels } from "./image-events.ts";
import { shortId } from "./lines.ts";
import { danglingName, isDangling, tryParseReference } from "./names.ts";
import type { ImageParts } from "./parts.ts";
import {
  deleteImage,
  findImage,
  isIdPrefix,
  listImages,
  PARENT_LABEL,
  putImage,
  type StoredImage,
} from "./store.ts";

export interface RemoveImageOptions {
  readonly force: boolean;
  /** Leave the steps it was built from. */
  readonly noPrune: boolean;
}

function conflict(message: string): SkiffError {
  return new SkiffError("conflict", `conflict: ${message}`);
}

function shown(image: StoredImage): string {
  const reference = tryParseReference(image.name);
  return reference === undefined ? image.name : familiarString(reference);
}

/** @param soft stopped containers count, too */
function checkUnused(parts: ImageParts, digest: string, soft: boolean): void {
  const users = parts.containers.all().filter(({ image }) => image.id === digest);
  const running = users.find(isRunning);
  const id = shortId(digest);
  if (running !== undefined)
    throw conflict(
      `unable to delete ${id} (cannot be forced) - image is being used by running container ${shortId(running.id)}`,
    );
  const stopped = users[0];
  if (soft && stopped !== undefined)
    throw conflict(
      `unable to delete ${id} (must be forced) - image is being used by stopped container ${shortId(stopped.id)}`,
    );
}

/** Those of the same repository and tag; a digest names all of its repository. Dangling names go with whatever goes. */
function sameReferences(text: string, found: StoredImage, all: readonly StoredImage[]): StoredImage[] {
  const asked = parseReference(text);
  const whole = asked.digest !== "" && asked.tag === "";
  return all.filter((image) => {
    if (image.name === found.name || isDangling(image)) return true;
    const own = tryParseReference(image.name);
    return whole && own !== undefined && repositoryOf(own) === repositoryOf(asked);
  });
}

async function labelsOf(parts: ImageParts, image: StoredImage): Promise<Readonly<Record<string, string>>> {
  const best = await parts.manifests.best(image.target, parts.platform).catch(() => undefined);
  return best?.configuration.config.Labels ?? {};
}

async function untag(
  parts: ImageParts,
  images: readonly StoredImage[],
  sync: boolean,
): Promise<ImageDeleted[]> {
  const records: ImageDeleted[] = [];
  for (const image of images) {
    const labels = await labelsOf(parts, image);
    await deleteImage(parts, image.name, sync);
    if (isDangling(image)) continue;
    publishWithLabels(parts, "untag", image.target.digest, shown(image), labels);
    records.push({ Untagged: shown(image) });
  }
  return records;
}

/** Images built upon this one keep it, nameless. */
async function hasChildren(parts: ImageParts, digest: string): Promise<boolean> {
  return (await listImages(parts)).some(({ labels }) => labels[PARENT_LABEL] === digest);
}

async function removeTarget(
  parts: ImageParts,
  all: readonly StoredImage[],
  soft: boolean,
): Promise<ImageDeleted[]> {
  const { target, labels } = all[0]!;
  const { digest } = target;
  checkUnused(parts, digest, soft);
  const imageLabels = await labelsOf(parts, all[0]!);
  if (await hasChildren(parts, digest)) {
    const named = all.filter((image) => !isDangling(image));
    await putImage(parts, danglingName(digest), target, labels);
    return untag(parts, named, true);
  }
  const records = await untag(parts, all, true);
  publishWithLabels(parts, "delete", digest, digest, imageLabels);
  return [...records, { Deleted: digest }];
}

/** The nameless steps below, as long as nothing else needs them. */
async function removeParents(parts: ImageParts, parent: string | undefined): Promise<ImageDeleted[]> {
  const records: ImageDeleted[] = [];
  for (let next = parent; next !== undefined && next !== ""; ) {
    const images = await listImages(parts, next);
    if (images.length === 0 || !images.every(isDangling) || (await hasChildren(parts, next))) break;
    try {
      records.push(...(await removeTarget(parts, images, true)));
    } catch {
      break;
    }
    next = images[0]!.labels[PARENT_LABEL];
  }
  return records;
}

/** With force and a container in the way: the names go, what they named stays. */
async function removeNamesOnly(parts: ImageParts, all: readonly StoredImage[]): Promise<ImageDeleted[]> {
  const { target, labels } = all[0]!;
  await putImage(parts, danglingName(target.digest), target, labels);
  return untag(
    parts,
    all.filter((image) => !isDangling(image)),
    false,
  );
}

/** @throws not_found, conflict */
export async function removeImage(
  parts: ImageParts,
  text: string,
  { force, noPrune }: RemoveImageOptions,
): Promise<readonly ImageDeleted[]> {
  const found = await findImage(parts, text);
  const { digest } = found.target;
  const all = await listImages(parts, digest);
  const parent = all.find(({ labels }) => labels[PARENT_LABEL] !== undefined)?.labels[PARENT_LABEL];
  const withParents = async (records: ImageDeleted[]) => {
    const deleted = records.some(({ Deleted }) => Deleted !== undefined);
    return noPrune || !deleted ? records : [...records, ...(await removeParents(parts, parent))];
  };
  if (isIdPrefix(digest, text) || isDangling({ name: text })) {
    checkUnused(parts, digest, false);
    if (!force && all.filter((image) => !isDangling(image)).length > 1)
      throw conflict(
        `unable to delete ${shortId(digest)} (must be forced) - image is referenced in multiple repositories`,
      );
    return withParents(await removeTarget(parts, all, !force));
  }
  const same = sameReferences(text, found, all);
  if (same.length < all.length) return untag(parts, same, false);
  const user = parts.containers.all().find(({ image }) => image.id === digest);
  if (user !== undefined && !force)
    throw conflict(
      `unable to remove repository reference "${text}" (must force) - container ${shortId(user.id)} is using its referenced image ${shortId(digest)}`,
    );
  if (user !== undefined) return removeNamesOnly(parts, all);
  return withParents(await removeTarget(parts, all, !force));
}
