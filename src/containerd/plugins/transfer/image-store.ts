/** Names for what a transfer brought: the client's, or those that an archive's annotations suggest (ImageStore and ImageReference of the protocol). */
import type { ImageStore as ImageStoreMessage } from "../../../contracts/containerd/gen/transfer_pb.ts";
import { codeOf, SkiffError } from "../../../lib/errors.ts";
import type { Descriptor } from "../../core/content.ts";
import type { Image } from "../../core/images.ts";
import type { Job } from "./job.ts";

export const IMAGE_NAME = "io.containerd.image.name";
export const REF_NAME = "org.opencontainers.image.ref.name";

type Named = Pick<Image, "name" | "target" | "labels">;
const NAME_LENGTH_MAX = 4096;

/** A prefix ends where a name's part does: `a/b` is none of `a/bc`. */
function hasPrefix(name: string, prefix: string): boolean {
  return name.startsWith(prefix) && [undefined, "/", ":", "@"].includes(name[prefix.length]);
}

/** A reference from an annotation under a prefix: a mere tag is joined to it; another full name is taken only if that is allowed. */
function translate(name: string, prefix: string, anyName: boolean): string {
  if (prefix === "" || name === "") return "";
  if (!/[/:@]/.test(name)) return `${prefix}:${name}`;
  return anyName || hasPrefix(name, prefix) ? name : "";
}

function nameFromAnnotations(
  annotations: Readonly<Record<string, string>>,
  prefix: string,
  anyName: boolean,
): string {
  const full = annotations[IMAGE_NAME] ?? "";
  // A full name is used as it is or not at all.
  if (full !== "") return translate(full, prefix, anyName) === full ? full : "";
  return translate(annotations[REF_NAME] ?? "", prefix, anyName);
}

/** Names of one image of an imported index. */
export function importedNames(store: ImageStoreMessage, descriptor: Descriptor): string[] {
  const names: string[] = [];
  for (const {
    name: prefix,
    isPrefix,
    allowOverwrite,
    addDigest,
    skipNamedDigest,
  } of store.extraReferences) {
    if (!isPrefix) continue;
    const name = nameFromAnnotations(descriptor.annotations ?? {}, prefix, allowOverwrite);
    if (name !== "") names.push(name);
    if (addDigest && (name === "" || !skipNamedDigest)) names.push(`${prefix}@${descriptor.digest}`);
  }
  return names.filter((name) => name.length <= NAME_LENGTH_MAX);
}

/** Names of the whole: of what was pulled, or of an imported index. Prefixes are for what is in an index, as with containerd 1.7 and 2.0. */
export function ownNames(store: ImageStoreMessage, descriptor: Descriptor): string[] {
  const extra = store.extraReferences
    .filter(({ isPrefix }) => !isPrefix)
    .map(({ name, addDigest }) => (addDigest ? `${name}@${descriptor.digest}` : name));
  return store.name === "" ? extra : [store.name, ...extra];
}

function createOrUpdate({ parts, namespace }: Job, image: Named): Image {
  for (;;) {
    try {
      return parts.images.create(namespace, image);
    } catch (error) {
      if (codeOf(error) !== "already_exists") throw error;
    }
    try {
      return parts.images.update(namespace, image, []);
    } catch (error) {
      if (codeOf(error) !== "not_found") throw error;
    }
  }
}

/** The last step of a transfer: from here on the collector sees the image. */
export function storeNames(
  job: Job,
  store: ImageStoreMessage,
  names: readonly string[],
  target: Descriptor,
): Image[] {
  const images = names.map((name) => createOrUpdate(job, { name, target, labels: { ...store.labels } }));
  for (const image of images) job.progress.tell("saved", image.name, image.target);
  return images;
}

export function noName(): SkiffError {
  return new SkiffError("not_found", "no image name found: not found");
}
