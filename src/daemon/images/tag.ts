/** `docker tag`. */
import { SkiffError } from "../../lib/errors.ts";
import {
  canonicalString,
  familiarString,
  parseReference,
  type Reference,
  withDefaultTag,
} from "../../lib/reference.ts";
import { keepDangling } from "./dangling.ts";
import type { Descriptor } from "./documents.ts";
import { publishImage } from "./image-events.ts";
import { danglingName } from "./names.ts";
import type { ImageParts } from "./parts.ts";
import { deleteImage, findImage, getImage, putImage } from "./store.ts";

/** `repo` and `tag` of a request. @throws invalid_argument in dockerd's words */
export function targetReference(repo: string, tag: string): Reference {
  if (repo === "") throw new SkiffError("invalid_argument", "invalid reference format");
  const reference = parseReference(repo);
  if (reference.digest !== "")
    throw new SkiffError("invalid_argument", "refusing to create a tag with a digest reference");
  return withDefaultTag(
    tag === "" ? reference : parseReference(`${canonicalString({ ...reference, tag: "" })}:${tag}`),
  );
}

/** Gives the target a name; what had the name stays as a dangling image. */
export async function nameTarget(
  parts: ImageParts,
  reference: Reference,
  target: Descriptor,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  const name = canonicalString(reference);
  const old = await getImage(parts, name);
  await putImage(parts, name, target, labels);
  if (old !== undefined && old.target.digest !== target.digest) await keepDangling(parts, old);
  await deleteImage(parts, danglingName(target.digest));
}

export async function tagImage(parts: ImageParts, source: string, reference: Reference): Promise<void> {
  const image = await findImage(parts, source);
  await nameTarget(parts, reference, image.target, image.labels);
  await publishImage(parts, "tag", image.target.digest, familiarString(reference));
}
