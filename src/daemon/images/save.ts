/** `docker save`: an OCI layout that is also the older docker archive (`manifest.json`), so that every loader takes it. */
import { SkiffError } from "../../lib/errors.ts";
import {
  canonicalString,
  familiarString,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from "../../lib/reference.ts";
import { encodeEntry, paddingOf, TRAILER } from "../../lib/tar/writer.ts";
import { readBlob } from "./blobs.ts";
import { type Descriptor, isIndex } from "./documents.ts";
import { publishImage } from "./image-events.ts";
import { withLease } from "./leases.ts";
import type { PlatformImage } from "./manifests.ts";
import { isDangling, tryParseReference } from "./names.ts";
import type { ImageParts } from "./parts.ts";
import { platformOf } from "./source.ts";
import { findImage, isIdPrefix, listImages, noSuchImage } from "./store.ts";
import { descriptorJson } from "./summary.ts";

export interface SavedImage {
  readonly target: Descriptor;
  /** Absent: asked for by its id. */
  readonly reference?: Reference;
  readonly present: readonly PlatformImage[];
  /** For manifest.json, which knows one platform. */
  readonly best: PlatformImage;
}

async function pick(
  parts: ImageParts,
  text: string,
  platform: string,
): Promise<readonly { readonly target: Descriptor; readonly reference?: Reference }[]> {
  const reference = tryParseReference(text);
  const found = await findImage(parts, text).catch((error: unknown) => {
    if (reference === undefined || reference.tag !== "" || reference.digest !== "") throw error;
    return undefined;
  });
  const only = async (target: Descriptor) =>
    platform === "" ? target : (await platformOf(parts, found!, text, platform)).manifest;
  if (found !== undefined && (isIdPrefix(found.target.digest, text) || parseReference(text).digest !== ""))
    return [{ target: await only(found.target) }];
  if (reference !== undefined && reference.tag === "" && reference.digest === "") {
    const all = (await listImages(parts)).flatMap((image) => {
      const own = isDangling(image) ? undefined : tryParseReference(image.name);
      const same = own !== undefined && repositoryOf(own) === repositoryOf(reference);
      return same ? [{ target: image.target, reference: own }] : [];
    });
    if (all.length === 0) throw noSuchImage(familiarString(withDefaultTag(reference)));
    return all;
  }
  return [{ target: await only(found!.target), reference: reference! }];
}

/** @throws not_found; before anything is written */
export async function findSaved(
  parts: ImageParts,
  names: readonly string[],
  platform: string,
): Promise<readonly SavedImage[]> {
  const saved: SavedImage[] = [];
  for (const name of names) {
    for (const { target, reference } of await pick(parts, name, platform)) {
      const present = await parts.manifests.present(target);
      const best = await parts.manifests.best(target, parts.platform);
      if (best === undefined) throw new SkiffError("not_found", `unable to export ${name}: no content`);
      saved.push({ target, present, best, ...(reference === undefined ? {} : { reference }) });
    }
  }
  return saved;
}

function blobsOf(images: readonly SavedImage[]): Map<string, number> {
  const blobs = new Map<string, number>();
  for (const { target, present } of images) {
    if (isIndex(target.mediaType)) blobs.set(target.digest, target.size);
    for (const { manifest, config, layers } of present)
      for (const { digest, size } of [manifest, config, ...layers]) blobs.set(digest, size);
  }
  return new Map([...blobs].sort(([a], [b]) => (a < b ? -1 : 1)));
}

const blobPath = (digest: string) => `blobs/${digest.replace(":", "/")}`;

const NAMES = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];

/** The target's own but for its names: an image asked for by its id has none. */
function annotationsOf({ target, reference }: SavedImage): Record<string, string> {
  const own = Object.entries(target.annotations ?? {}).filter(([key]) => !NAMES.includes(key));
  const [full = "", short = ""] = NAMES;
  const names: Record<string, string> =
    reference === undefined
      ? {}
      : {
          [full]: canonicalString(reference),
          [short]: reference.tag === "" ? reference.digest : reference.tag,
        };
  return { ...Object.fromEntries(own), ...names };
}

function layoutIndex(images: readonly SavedImage[]): object {
  const manifests = images.map((image) => {
    const annotations = annotationsOf(image);
    const { annotations: _, ...plain } = descriptorJson(image.target);
    return Object.keys(annotations).length === 0 ? plain : { ...plain, annotations };
  });
  return { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests };
}

/** One element per image; its names together. */
function dockerManifest(images: readonly SavedImage[]): object[] {
  const entries = new Map<string, { Config: string; RepoTags: string[] | null; Layers: string[] }>();
  for (const { best, reference } of images) {
    const entry = entries.get(best.manifest.digest) ?? {
      Config: blobPath(best.config.digest),
      RepoTags: null,
      Layers: best.layers.map(({ digest }) => blobPath(digest)),
    };
    entries.set(best.manifest.digest, entry);
    if (reference !== undefined && reference.tag !== "")
      entry.RepoTags = [...(entry.RepoTags ?? []), familiarString(reference)];
  }
  return [...entries.values()];
}

/** Always the same owner and time: the same image gives the same archive. */
function header(name: string, size: number): Uint8Array {
  const type = name.endsWith("/") ? "dir" : "file";
  const numbers = { uid: 0, gid: 0, major: 0, minor: 0, modifiedNs: 0n };
  const mode = type === "dir" ? 0o755 : 0o644;
  return encodeEntry({ ...numbers, name, type, size, mode, linkName: "", xattrs: new Map() });
}

async function* file(name: string, value: unknown): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(JSON.stringify(value));
  yield header(name, bytes.length);
  yield bytes;
  yield paddingOf(bytes.length);
}

async function* archive(parts: ImageParts, images: readonly SavedImage[]): AsyncGenerator<Uint8Array> {
  yield header("blobs/", 0);
  yield header("blobs/sha256/", 0);
  for (const [digest, size] of blobsOf(images)) {
    yield header(blobPath(digest), size);
    let length = 0;
    for await (const bytes of readBlob(parts.clients, digest)) {
      length += bytes.length;
      yield bytes;
    }
    if (length !== size)
      throw new SkiffError("data_loss", `save ${digest}: ${length} bytes instead of ${size}`);
    yield paddingOf(size);
  }
  yield* file("index.json", layoutIndex(images));
  yield* file("manifest.json", dockerManifest(images));
  yield* file("oci-layout", { imageLayoutVersion: "1.0.0" });
  yield TRAILER;
}

/** Writes the archive; nothing of it is collected meanwhile. */
export async function saveImages(
  parts: ImageParts,
  images: readonly SavedImage[],
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const targets = [...new Set(images.map(({ target }) => target.digest))];
  await withLease(parts, targets, async () => {
    for await (const bytes of archive(parts, images)) await write(bytes);
  });
  for (const digest of targets) await publishImage(parts, "save", digest, digest);
}
