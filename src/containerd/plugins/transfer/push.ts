/** Image store → registry: blobs first, then what refers to them, the tag last. */
import { SkiffError } from "../../../lib/errors.ts";
import type { Reference } from "../../../lib/reference.ts";
import type { Descriptor, Platform } from "../../core/content.ts";
import type { RegistryClient } from "../registry/client.ts";
import { hasBlob, type Job } from "./job.ts";
import { mountSource } from "./labels.ts";
import { Limiter } from "./locks.ts";
import { MANIFEST_BYTES_MAX, parseDocument } from "./manifests.ts";
import { isIndexType, isManifestType, isNonDistributable } from "./media-types.ts";
import { choose } from "./platforms.ts";

const UPLOADS_MAX = 3;

export interface Push {
  /** Name of the image in the store. */
  readonly image: string;
  /** As the client wrote it. */
  readonly name: string;
  readonly reference: Reference;
  readonly client: RegistryClient;
  readonly platforms: readonly Platform[];
}

interface Tree {
  readonly blobs: Map<string, Descriptor>;
  /** Children before parents. */
  readonly manifests: { readonly descriptor: Descriptor; readonly bytes: Buffer }[];
}

/** With platforms named, an index whose other images are not here cannot be pushed: then the chosen image is, itself. */
async function rootFor(job: Job, target: Descriptor, platforms: readonly Platform[]): Promise<Descriptor> {
  if (!isIndexType(target.mediaType) || platforms.length === 0) return target;
  const bytes = await job.parts.content.readAll(job.namespace, target.digest, MANIFEST_BYTES_MAX);
  const document = parseDocument(bytes, target);
  if (document.kind !== "index" || document.manifests.every(({ digest }) => hasBlob(job, digest)))
    return target;
  const [chosen] = choose(document.manifests, platforms, 1);
  if (chosen === undefined)
    throw new SkiffError("not_found", `no match for platform in manifest ${target.digest}: not found`);
  return chosen;
}

async function collect(
  job: Job,
  descriptor: Descriptor,
  platforms: readonly Platform[],
  tree: Tree,
): Promise<void> {
  const { mediaType, digest } = descriptor;
  if (!isIndexType(mediaType) && !isManifestType(mediaType)) {
    if (!isNonDistributable(mediaType)) tree.blobs.set(digest, descriptor);
    return;
  }
  const bytes = await job.parts.content.readAll(job.namespace, digest, MANIFEST_BYTES_MAX);
  const document = parseDocument(bytes, descriptor);
  const children =
    document.kind === "index"
      ? choose(document.manifests, platforms, 0)
      : [...document.layers, document.config];
  for (const child of children) await collect(job, child, platforms, tree);
  if (!tree.manifests.some((entry) => entry.descriptor.digest === digest))
    tree.manifests.push({ descriptor, bytes });
}

async function pushBlob(job: Job, { client, reference }: Push, descriptor: Descriptor): Promise<void> {
  const { parts, namespace, progress } = job;
  const { digest, size } = descriptor;
  const outcome = await client.pushBlob({
    ...{ digest, size },
    read: () => {
      parts.content.info(namespace, digest);
      return parts.content.read(namespace, digest, 0, 0);
    },
    mountFrom: hasBlob(job, digest)
      ? mountSource(parts.content.info(namespace, digest).labels, reference)
      : "",
    onProgress: (bytes) => progress.moving(descriptor, bytes),
  });
  if (outcome === "exists") progress.exists(descriptor);
  else progress.complete(descriptor);
}

async function pushBlobs(job: Job, request: Push, blobs: readonly Descriptor[]): Promise<void> {
  const stop = new AbortController();
  const limiter = new Limiter(UPLOADS_MAX);
  const results = await Promise.allSettled(
    blobs.map((blob) =>
      limiter.run(async () => {
        if (stop.signal.aborted) return;
        await pushBlob(job, request, blob).catch((error) => {
          stop.abort();
          throw error;
        });
      }),
    ),
  );
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

export async function push(job: Job, request: Push): Promise<void> {
  const { parts, namespace, progress } = job;
  const { target } = parts.images.get(namespace, request.image);
  const where = `OCI Registry (${request.name})`;
  progress.tell(`Pushing to ${where}`);
  progress.tell("pushing content", request.image, target);
  const root = await rootFor(job, target, request.platforms);
  const tree: Tree = { blobs: new Map(), manifests: [] };
  await collect(job, root, request.platforms, tree);
  for (const { descriptor } of tree.manifests) progress.waiting(descriptor);
  for (const blob of tree.blobs.values()) progress.waiting(blob, root);
  await pushBlobs(job, request, [...tree.blobs.values()]);
  for (const { descriptor, bytes } of tree.manifests) {
    const outcome = await request.client.pushManifest(descriptor, bytes, descriptor.digest === root.digest);
    if (outcome === "exists") progress.exists(descriptor);
    else progress.complete(descriptor);
  }
  progress.tell("pushed content", request.image, root);
  progress.tell(`Completed push to ${where}`, undefined, root);
}
