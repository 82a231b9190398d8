/** `docker push`: one tag, or all of a repository. */
import type { Progress } from "../../contracts/containerd/gen/transfer_pb.ts";
import { SkiffError } from "../../lib/errors.ts";
import {
  canonicalString,
  familiarName,
  familiarString,
  type Reference,
  repositoryOf,
} from "../../lib/reference.ts";
import { type Credentials, openAuthStream } from "./credentials.ts";
import { type Descriptor, isIndex, isLayer } from "./documents.ts";
import { publishImage } from "./image-events.ts";
import { counted, type LineSink, shortId, status, step } from "./lines.ts";
import { isDangling, tryParseReference } from "./names.ts";
import type { ImageParts } from "./parts.ts";
import { accessTo } from "./registries.ts";
import { pushError } from "./registry-errors.ts";
import { platformOf } from "./source.ts";
import { deleteImage, getImage, listImages, putImage, type StoredImage } from "./store.ts";
import { descriptorJson } from "./summary.ts";
import { imageStoreAny, registryAny, transfer } from "./transfer.ts";

export interface PushOptions {
  /** Without a tag: all tags of the repository. */
  readonly reference: Reference;
  readonly platform: string;
  readonly credentials: Credentials | undefined;
  readonly signal: AbortSignal;
}

function digestOfProgress({ name, desc }: Progress): string | undefined {
  if (desc !== undefined && desc.mediaType !== "") return isLayer(desc.mediaType) ? desc.digest : undefined;
  return /^layer-(sha256:[0-9a-f]{64})$/.exec(name)?.[1];
}

interface PushProgress {
  tell(progress: Progress): void;
  complete(): void;
}

function createPushProgress(sink: LineSink): PushProgress {
  const open = new Set<string>();
  const done = new Set<string>();
  const finish = (digest: string, text: string) => {
    if (done.has(digest)) return;
    done.add(digest);
    open.delete(digest);
    sink.line(step(shortId(digest), text));
  };
  return {
    tell(progress) {
      const digest = digestOfProgress(progress);
      if (digest === undefined || done.has(digest)) return;
      if (!open.has(digest)) {
        open.add(digest);
        sink.line(step(shortId(digest), "Preparing"));
      }
      if (progress.event === "waiting") sink.line(step(shortId(digest), "Waiting"));
      else if (progress.event === "uploading")
        sink.line(counted(shortId(digest), "Pushing", Number(progress.progress), Number(progress.total)));
      else if (progress.event === "already exists") finish(digest, "Layer already exists");
      else if (progress.event === "complete") finish(digest, "Pushed");
    },
    complete() {
      for (const digest of [...open]) finish(digest, "Pushed");
    },
  };
}

/** An index of which only some is here cannot be pushed whole: then the one manifest that fits this machine is. */
async function pushedTarget(
  parts: ImageParts,
  image: StoredImage,
  { platform }: PushOptions,
): Promise<Descriptor> {
  if (platform === "" && !isIndex(image.target.mediaType)) return image.target;
  const entries = await parts.manifests.entries(image.target);
  if (platform === "") {
    const present = await Promise.all(entries.map((entry) => parts.manifests.load(entry)));
    if (present.every((one) => one !== undefined)) return image.target;
  }
  return (await platformOf(parts, image, image.name, platform)).manifest;
}

async function transferOut(
  parts: ImageParts,
  name: string,
  reference: Reference,
  options: PushOptions,
  progress: PushProgress,
): Promise<void> {
  const auth = await openAuthStream(parts, options.credentials);
  const place = { reference: canonicalString(reference), authStream: auth?.id ?? "" };
  try {
    await transfer(
      parts,
      imageStoreAny({ name }),
      registryAny({ ...place, ...accessTo(reference, parts) }),
      progress.tell,
      { signal: options.signal },
    );
  } catch (error) {
    throw pushError(error);
  } finally {
    auth?.close();
  }
}

async function pushTag(
  parts: ImageParts,
  reference: Reference,
  options: PushOptions,
  sink: LineSink,
): Promise<void> {
  const image = await getImage(parts, canonicalString(reference));
  if (image === undefined)
    throw new SkiffError("not_found", `tag does not exist: ${familiarString(reference)}`);
  const target = await pushedTarget(parts, image, options);
  const other = target.digest !== image.target.digest;
  const name = other ? `moby-push-${parts.ids.hex(8)}@${target.digest}` : image.name;
  const progress = createPushProgress(sink);
  if (other) await putImage(parts, name, target);
  try {
    await transferOut(parts, name, reference, options, progress);
  } finally {
    if (other) await deleteImage(parts, name);
  }
  progress.complete();
  const tag = reference.tag;
  sink.line(status(`${tag}: digest: ${target.digest} size: ${target.size}`));
  const aux = { Tag: tag, Digest: target.digest, Size: target.size };
  sink.line({ progressDetail: {}, aux });
  if (other && options.platform === "")
    sink.line({
      progressDetail: {},
      aux: {
        manifestPushedInsteadOfIndex: true,
        originalIndex: descriptorJson(image.target),
        selectedManifest: descriptorJson(target),
      },
    });
  await publishImage(parts, "push", familiarString(reference), familiarName(reference));
}

async function tagsOf(parts: ImageParts, reference: Reference): Promise<Reference[]> {
  const repository = repositoryOf(reference);
  const references = (await listImages(parts)).flatMap((image) => {
    const own = isDangling(image) ? undefined : tryParseReference(image.name);
    return own !== undefined && own.tag !== "" && repositoryOf(own) === repository ? [own] : [];
  });
  if (references.length === 0)
    throw new SkiffError(
      "unknown",
      `An image does not exist locally with the tag: ${familiarName(reference)}`,
    );
  return references;
}

export async function pushImage(parts: ImageParts, options: PushOptions, sink: LineSink): Promise<void> {
  const { reference } = options;
  sink.line(status(`The push refers to repository [${repositoryOf(reference)}]`));
  const whole = reference.tag === "" && reference.digest === "";
  for (const one of whole ? await tagsOf(parts, reference) : [reference])
    await pushTag(parts, one, options, sink);
}
