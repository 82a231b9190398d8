/**
 * The second half of an import: the archive's index. An OCI layout brings its own; docker's `manifest.json` names files, and manifests are made of
 * them as containerd makes them, one descriptor a tag.
 */
import { sha256Of } from "../../../lib/digest.ts";
import { SkiffError, wrap } from "../../../lib/errors.ts";
import { canonicalString, parseReference, withDefaultTag } from "../../../lib/reference.ts";
import type { Descriptor } from "../../core/content.ts";
import type { Archive, Blob } from "./archive-blobs.ts";
import { compressionOf, gzipped } from "./decompress.ts";
import { IMAGE_NAME, REF_NAME } from "./image-store.ts";
import type { Job } from "./job.ts";
import { UNCOMPRESSED } from "./labels.ts";
import { isObject, MANIFEST_BYTES_MAX, parseJson, parsePlatform } from "./manifests.ts";
import { DOCKER_CONFIG, DOCKER_LAYER, DOCKER_LAYER_GZIP, DOCKER_MANIFEST, OCI_INDEX } from "./media-types.ts";

const LAYOUT_VERSION = "1.0.0";
const IMAGES_MAX = 10_000;

interface SavedImage {
  readonly config: string;
  readonly tags: readonly string[];
  readonly layers: readonly string[];
}

const invalid = (message: string) => new SkiffError("invalid_argument", message);

function texts(value: unknown, what: string): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.some((item) => typeof item !== "string"))
    throw invalid(`archive: manifest.json: ${what} is no list of strings`);
  return value;
}

function savedImages(manifest: unknown): SavedImage[] {
  if (!Array.isArray(manifest) || manifest.length > IMAGES_MAX)
    throw invalid("archive: manifest.json: no list");
  return manifest.map((image: unknown) => {
    if (!isObject(image) || typeof image["Config"] !== "string")
      throw invalid("archive: manifest.json: image without Config");
    const tags = texts(image["RepoTags"], "RepoTags");
    return { config: image["Config"], tags, layers: texts(image["Layers"], "Layers") };
  });
}

async function headOf({ parts, namespace }: Job, { digest }: Blob): Promise<Uint8Array> {
  for await (const piece of parts.content.read(namespace, digest, 0, 10)) return piece;
  return new Uint8Array(0);
}

/** A compressed twin that the store has already saves the compression, and lets pushes find the layer. */
function compressedTwin({ parts, namespace }: Job, { digest }: Blob): Blob | undefined {
  return parts.content.list(namespace).find(({ labels }) => labels[UNCOMPRESSED] === digest);
}

async function compress(job: Job, { digest }: Blob): Promise<Blob> {
  const { parts, namespace, lease } = job;
  const ref = `compress-blob-${digest.replace(":", "-")}-${parts.ids.hex(8)}`;
  using ingest = await parts.content.open(namespace, { ref, total: 0, expected: "" });
  let size = 0;
  for await (const piece of gzipped(parts.content.read(namespace, digest, 0, 0))) {
    size += piece.length;
    await ingest.write(piece);
  }
  const compressed = ingest.digest();
  await ingest.commit({ size, expected: compressed, labels: { [UNCOMPRESSED]: digest }, lease });
  return { digest: compressed, size };
}

async function layerOf(job: Job, blob: Blob, packs: boolean): Promise<Descriptor> {
  const plain = compressionOf(await headOf(job, blob)) === "none";
  if (!plain) return { mediaType: DOCKER_LAYER_GZIP, digest: blob.digest, size: blob.size };
  const twin = compressedTwin(job, blob) ?? (packs ? await compress(job, blob) : undefined);
  const { digest, size } = twin ?? blob;
  if (twin !== undefined) job.parts.leases.add(job.namespace, job.lease, { type: "content", id: digest });
  return { mediaType: twin === undefined ? DOCKER_LAYER : DOCKER_LAYER_GZIP, digest, size };
}

async function write(job: Job, mediaType: string, document: object): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(document));
  await job.parts.content.put(job.namespace, bytes, {}, job.lease);
  return { mediaType, digest: sha256Of(bytes), size: bytes.length };
}

async function manifestOf(
  job: Job,
  archive: Archive,
  image: SavedImage,
  packs: boolean,
): Promise<Descriptor> {
  const blob = archive.blobs.get(image.config);
  if (blob === undefined) throw invalid(`image config "${image.config}" not found`);
  const layers: Descriptor[] = [];
  for (const name of image.layers) {
    const layer = archive.blobs.get(name);
    if (layer === undefined) throw invalid(`failed to resolve layers: layer "${name}" not found`);
    layers.push(await layerOf(job, layer, packs));
  }
  const config = { mediaType: DOCKER_CONFIG, digest: blob.digest, size: blob.size };
  const document = { schemaVersion: 2, mediaType: DOCKER_MANIFEST, config, layers };
  const bytes = await job.parts.content.readAll(job.namespace, blob.digest, MANIFEST_BYTES_MAX);
  const platform = parsePlatform(parseJson(bytes));
  const manifest = await write(job, DOCKER_MANIFEST, document);
  return platform === undefined || platform.os === "" ? manifest : { ...manifest, platform };
}

function named(manifest: Descriptor, tag: string): Descriptor {
  try {
    const reference = withDefaultTag(parseReference(tag));
    const annotations = { [IMAGE_NAME]: canonicalString(reference), [REF_NAME]: reference.tag };
    return { ...manifest, annotations };
  } catch (error) {
    throw wrap(error, `normalize image ref "${tag}"`);
  }
}

function layoutIndex({ blobs, layout }: Archive): Descriptor {
  const version = isObject(layout) ? layout["imageLayoutVersion"] : undefined;
  if (version !== LAYOUT_VERSION) throw invalid(`unsupported OCI version ${String(version)}`);
  const index = blobs.get("index.json");
  if (index === undefined) throw invalid(`missing index.json in OCI layout ${LAYOUT_VERSION}`);
  return { mediaType: OCI_INDEX, ...index };
}

/** The index is in the store afterwards. @throws invalid_argument for what is no image archive */
export async function indexOf(job: Job, archive: Archive, compress: boolean): Promise<Descriptor> {
  if (archive.layout !== undefined) return layoutIndex(archive);
  if (archive.manifest === undefined) throw invalid("unrecognized image format");
  const manifests: Descriptor[] = [];
  for (const image of savedImages(archive.manifest)) {
    const manifest = await manifestOf(job, archive, image, compress);
    if (image.tags.length === 0) manifests.push(manifest);
    else manifests.push(...image.tags.map((tag) => named(manifest, tag)));
  }
  return write(job, OCI_INDEX, { schemaVersion: 2, manifests });
}
