/**
 * Image store → archive: an OCI layout that is `docker save`'s format, too (`manifest.json`), as containerd writes it.
 *
 * Records go in order of their names. What an index refers to but the store lacks is left out, as with a pull of one platform; each blob's bytes are
 * verified on the way, so that a spoiled store does not make a spoiled archive that looks good.
 */
import { SkiffError } from "../../../lib/errors.ts";
import { familiarString, parseReference, withDefaultTag } from "../../../lib/reference.ts";
import type { EntryType } from "../../../lib/tar/entry.ts";
import { encodeEntry, paddingOf, TRAILER } from "../../../lib/tar/writer.ts";
import type { Descriptor, Platform } from "../../core/content.ts";
import type { ByteSender } from "./byte-stream.ts";
import { IMAGE_NAME, REF_NAME } from "./image-store.ts";
import { hasBlob, type Job } from "./job.ts";
import { childrenOf, MANIFEST_BYTES_MAX, parseDocument } from "./manifests.ts";
import { isIndexType, isManifestType, isNonDistributable, OCI_INDEX } from "./media-types.ts";
import { choose } from "./platforms.ts";

const SOURCE = "containerd.io/distribution.source.";

export interface Export {
  readonly names: readonly string[];
  readonly sender: ByteSender;
  /** None: the best for this machine stands in manifest.json, all that is here goes into the archive. */
  readonly platforms: readonly Platform[];
  readonly allPlatforms: boolean;
  /** Whether to write docker's manifest.json. */
  readonly compatibility: boolean;
  readonly skipNonDistributable: boolean;
}

interface DockerImage {
  readonly manifest: Descriptor;
  readonly names: string[];
}

interface Contents {
  readonly blobs: Map<string, Descriptor>;
  readonly index: Descriptor[];
  readonly docker: Map<string, DockerImage>;
}

const blobName = (digest: string) => `blobs/${digest.replace(":", "/")}`;

async function documentOf({ parts, namespace }: Job, descriptor: Descriptor) {
  const bytes = await parts.content.readAll(namespace, descriptor.digest, MANIFEST_BYTES_MAX);
  return parseDocument(bytes, descriptor);
}

/** The blob and all below it; what is not here, below an index, is passed over. */
async function collect(job: Job, request: Export, descriptor: Descriptor, found: Contents): Promise<void> {
  const { mediaType, digest } = descriptor;
  if (found.blobs.has(digest)) return;
  if (request.skipNonDistributable && isNonDistributable(mediaType)) return;
  found.blobs.set(digest, descriptor);
  if (!isIndexType(mediaType) && !isManifestType(mediaType)) return;
  const document = await documentOf(job, descriptor);
  if (document.kind === "manifest") {
    for (const child of childrenOf(document)) await collect(job, request, child, found);
    return;
  }
  const narrow = request.platforms.length > 0 && !request.allPlatforms;
  const wanted = narrow ? choose(document.manifests, request.platforms, 0) : document.manifests;
  if (narrow && wanted.length === 0)
    throw new SkiffError("not_found", "no manifest found for platform: not found");
  for (const child of wanted) if (await isWhole(job, child)) await collect(job, request, child, found);
}

/** A manifest counts as here when all it needs is. */
async function isWhole(job: Job, descriptor: Descriptor): Promise<boolean> {
  if (!hasBlob(job, descriptor.digest)) return false;
  if (!isManifestType(descriptor.mediaType)) return true;
  const children = childrenOf(await documentOf(job, descriptor));
  return children.every((child) => isNonDistributable(child.mediaType) || hasBlob(job, child.digest));
}

/** The manifest that docker's format shows for an image. */
async function dockerManifest(job: Job, request: Export, root: Descriptor): Promise<Descriptor | undefined> {
  if (isManifestType(root.mediaType)) return root;
  if (!isIndexType(root.mediaType)) return undefined;
  const document = await documentOf(job, root);
  if (document.kind !== "index") return undefined;
  const candidates: Descriptor[] = [];
  for (const child of choose(document.manifests, request.platforms, 0))
    if (isManifestType(child.mediaType) && child.platform?.os !== "unknown" && (await isWhole(job, child)))
      candidates.push(child);
  return candidates[0];
}

function tagOf(name: string): string {
  try {
    return parseReference(name).tag || name;
  } catch {
    return name;
  }
}

function familiar(name: string): string[] {
  try {
    const reference = withDefaultTag(parseReference(name));
    return reference.tag === "" ? [] : [familiarString({ ...reference, digest: "" })];
  } catch {
    return [];
  }
}

async function addImage(job: Job, request: Export, name: string, found: Contents): Promise<void> {
  const { parts, namespace } = job;
  const { target } = parts.images.get(namespace, name);
  const labels = Object.entries(parts.content.info(namespace, target.digest).labels);
  const sources = Object.fromEntries(labels.filter(([key]) => key.startsWith(SOURCE)));
  const annotations = { ...target.annotations, ...sources, [IMAGE_NAME]: name, [REF_NAME]: tagOf(name) };
  await collect(job, request, target, found);
  found.index.push({ ...target, annotations });
  const manifest = request.compatibility ? await dockerManifest(job, request, target) : undefined;
  if (manifest === undefined) return;
  const known = found.docker.get(manifest.digest) ?? { manifest, names: [] };
  known.names.push(...familiar(name));
  found.docker.set(manifest.digest, known);
}

async function dockerDocument(job: Job, images: Iterable<DockerImage>): Promise<object[]> {
  const listed: object[] = [];
  for (const { manifest, names } of images) {
    const document = await documentOf(job, manifest);
    if (document.kind !== "manifest") continue;
    const Layers = document.layers.map(({ digest }) => blobName(digest));
    listed.push({
      Config: blobName(document.config.digest),
      RepoTags: names.length > 0 ? names : null,
      Layers,
    });
  }
  return listed;
}

/** Owned by root, without time: the same images make the same archive. */
function header(name: string, type: EntryType, mode: number, size: number): Buffer {
  return encodeEntry({
    ...{ name, type, mode, size, uid: 0, gid: 0, modifiedNs: 0n, linkName: "", major: 0, minor: 0 },
    xattrs: new Map(),
  });
}

async function sendBlob({ parts, namespace, signal }: Job, sender: ByteSender, { digest, size }: Descriptor) {
  const hasher = new Bun.CryptoHasher("sha256");
  await sender.write(header(blobName(digest), "file", 0o444, size));
  for await (const piece of parts.content.read(namespace, digest, 0, 0)) {
    if (signal.aborted) throw new SkiffError("canceled", "context canceled");
    hasher.update(piece);
    await sender.write(piece);
  }
  const copied = `sha256:${hasher.digest("hex")}`;
  if (copied !== digest) throw new SkiffError("data_loss", `unexpected digest ${copied} copied`);
  await sender.write(paddingOf(size));
}

async function sendJson(sender: ByteSender, name: string, mode: number, document: unknown): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(document));
  const parts = [header(name, "file", mode, bytes.length), bytes, paddingOf(bytes.length)];
  await sender.write(Buffer.concat(parts));
}

/** @throws not_found for an image or a blob that is not here, data_loss for a spoiled blob */
export async function exportImages(job: Job, request: Export): Promise<void> {
  const { sender, names } = request;
  job.progress.tell("Exporting");
  const found: Contents = { blobs: new Map(), index: [], docker: new Map() };
  for (const name of names) await addImage(job, request, name, found);
  const blobs = [...found.blobs.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1));
  await sender.write(header("blobs/", "dir", 0o755, 0));
  await sender.write(header("blobs/sha256/", "dir", 0o755, 0));
  for (const blob of blobs) await sendBlob(job, sender, blob);
  const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: found.index };
  await sendJson(sender, "index.json", 0o644, index);
  if (found.docker.size > 0)
    await sendJson(sender, "manifest.json", 0o644, await dockerDocument(job, found.docker.values()));
  await sendJson(sender, "oci-layout", 0o444, { imageLayoutVersion: "1.0.0" });
  await sender.write(TRAILER);
  job.progress.tell("Completed export");
}
