/** Image records of containerd, and Docker's way to find one by what a user writes. */
import type { Image } from "../../contracts/containerd/gen/images_pb.ts";
import { nanosecondsOf } from "../../contracts/containerd/timestamps.ts";
import { codeOf, SkiffError } from "../../lib/errors.ts";
import {
  canonicalString,
  familiarString,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from "../../lib/reference.ts";
import type { CallOptions } from "../../wire/h2/api.ts";
import type { Descriptor } from "./documents.ts";
import { isDangling, tryParseReference } from "./names.ts";
import type { ImageParts } from "./parts.ts";

export interface StoredImage {
  readonly name: string;
  readonly target: Descriptor;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAtNs: bigint;
  readonly updatedAtNs: bigint;
}

type Parts = Pick<ImageParts, "clients">;

/** The image that a classic build or a commit started from. */
export const PARENT_LABEL = "org.mobyproject.image.parent";

function toStored(image: Image): StoredImage {
  const { digest = "", mediaType = "", size = 0n, annotations = {} } = image.target ?? {};
  const bare = Object.keys(annotations).length === 0;
  return {
    name: image.name,
    target: { mediaType, digest, size: Number(size), ...(bare ? {} : { annotations }) },
    labels: image.labels,
    createdAtNs: nanosecondsOf(image.createdAt),
    updatedAtNs: nanosecondsOf(image.updatedAt),
  };
}

/** As protobuf wants it. */
export function descriptorMessage({ mediaType, digest, size, annotations = {} }: Descriptor) {
  return { mediaType, digest, size: BigInt(size), annotations };
}

/** All of them, or all with this target. */
export async function listImages({ clients }: Parts, digest = ""): Promise<StoredImage[]> {
  const filters = digest === "" ? [] : [`target.digest==${digest}`];
  const { images } = await clients.images.list({ filters });
  return images.map(toStored).filter(({ target }) => digest === "" || target.digest === digest);
}

/** By its exact name. */
export async function getImage(
  { clients }: Parts,
  name: string,
  options?: CallOptions,
): Promise<StoredImage | undefined> {
  try {
    const { image } = await clients.images.get({ name }, options);
    return image === undefined ? undefined : toStored(image);
  } catch (error) {
    if (codeOf(error) === "not_found") return undefined;
    throw error;
  }
}

/** Names the target anew, whether the name was there or not. */
export async function putImage(
  { clients }: Parts,
  name: string,
  target: Descriptor,
  labels: Readonly<Record<string, string>> = {},
  options?: CallOptions,
): Promise<void> {
  const image = { name, target: descriptorMessage(target), labels };
  try {
    await clients.images.create({ image }, options);
  } catch (error) {
    if (codeOf(error) !== "already_exists") throw error;
    await clients.images.update({ image }, options);
  }
}

/** Missing is fine. @param sync waits for the garbage collection that follows */
export async function deleteImage({ clients }: Parts, name: string, sync = false): Promise<void> {
  try {
    await clients.images.delete({ name, sync });
  } catch (error) {
    if (codeOf(error) !== "not_found") throw error;
  }
}

export function noSuchImage(reference: string): SkiffError {
  return new SkiffError("not_found", `No such image: ${reference}`);
}

const FULL_ID = /^(?:sha256:)?([0-9a-f]{64})$/;
const SHORT_ID = /^(?:sha256:)?([0-9a-f]{4,64})$/;

/** True when `text` is the id or its beginning. */
export function isIdPrefix(digest: string, text: string): boolean {
  return digest.startsWith(text) || digest.slice("sha256:".length).startsWith(text);
}

async function byDigest(parts: Parts, reference: Reference): Promise<StoredImage | undefined> {
  const images = await listImages(parts, reference.digest);
  return images.find((image) => {
    const own = isDangling(image) ? undefined : tryParseReference(image.name);
    return own !== undefined && repositoryOf(own) === repositoryOf(reference);
  });
}

async function byIdPrefix(parts: Parts, prefix: string): Promise<StoredImage | undefined> {
  const found = (await listImages(parts)).filter(({ target }) => isIdPrefix(target.digest, prefix));
  if (new Set(found.map(({ target }) => target.digest)).size > 1)
    throw new SkiffError("not_found", "ambiguous reference");
  return found[0];
}

/**
 * A name, a name with tag or digest, an id or its beginning.
 * @throws not_found (`No such image: x:latest`), invalid_argument (`invalid reference format`)
 */
export async function findImage(parts: Parts, text: string, options?: CallOptions): Promise<StoredImage> {
  const id = FULL_ID.exec(text);
  if (id !== null) {
    const [image] = await listImages(parts, `sha256:${id[1]}`);
    if (image === undefined) throw noSuchImage(`sha256:${id[1]}`);
    return image;
  }
  if (isDangling({ name: text })) {
    const image = await getImage(parts, text, options);
    if (image === undefined) throw noSuchImage(text);
    return image;
  }
  const reference = parseReference(text);
  if (reference.digest !== "") {
    const exact = await getImage(parts, canonicalString(reference), options);
    const image = exact ?? (await byDigest(parts, reference));
    if (image === undefined) throw noSuchImage(familiarString(reference));
    return image;
  }
  const tagged = withDefaultTag(reference);
  const image = await getImage(parts, canonicalString(tagged), options);
  if (image !== undefined) return image;
  const short = SHORT_ID.exec(text);
  const byId = short === null ? undefined : await byIdPrefix(parts, short[1]!);
  if (byId === undefined) throw noSuchImage(familiarString(tagged));
  return byId;
}
