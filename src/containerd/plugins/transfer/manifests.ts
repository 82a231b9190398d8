/**
 * Manifests and indexes as data. Their bytes come from strangers: each field is checked before it is used, and a document that could be read as either
 * kind, or calls itself something else than its descriptor does, is refused (CVE-2021-41190).
 */
import { parseDigest } from "../../../lib/digest.ts";
import { messageOf, SkiffError, wrap } from "../../../lib/errors.ts";
import type { Descriptor, Platform } from "../../core/content.ts";
import { isIndexType, isManifestType } from "./media-types.ts";

/** containerd's bound, too. */
export const MANIFEST_BYTES_MAX = 4 * 1024 * 1024;
const DEPTH_MAX = 64;

export type ImageDocument =
  | { readonly kind: "index"; readonly manifests: readonly Descriptor[] }
  | { readonly kind: "manifest"; readonly config: Descriptor; readonly layers: readonly Descriptor[] };

type Json = Readonly<Record<string, unknown>>;

function invalid(message: string): SkiffError {
  return new SkiffError("invalid_argument", message);
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Nesting is bounded before JSON.parse recurses. @throws invalid_argument */
export function parseJson(bytes: Uint8Array): unknown {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (quoted) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) quoted = false;
    } else if (byte === 0x22) quoted = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > DEPTH_MAX) throw invalid("JSON is nested too deeply");
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch (error) {
    throw invalid(`invalid JSON: ${messageOf(error)}`);
  }
}

function text(value: unknown, what: string): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw invalid(`${what} is not a string`);
  return value;
}

function strings(value: unknown, what: string): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || value.some((item) => typeof item !== "string"))
    throw invalid(`${what} is no list of strings`);
  return value;
}

function annotations(value: unknown): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw invalid("annotations are no object");
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, text(item, `annotation ${key}`)]),
  );
}

export function parsePlatform(value: unknown): Platform | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw invalid("platform is no object");
  const variant = text(value["variant"], "variant");
  const version = text(value["os.version"], "os.version");
  const features = strings(value["os.features"], "os.features");
  return {
    os: text(value["os"], "os"),
    architecture: text(value["architecture"], "architecture"),
    ...(variant === "" ? {} : { variant }),
    ...(version === "" ? {} : { "os.version": version }),
    ...(features === undefined ? {} : { "os.features": features }),
  };
}

/** @throws invalid_argument */
export function parseDescriptor(value: unknown): Descriptor {
  if (!isObject(value)) throw invalid("descriptor is no object");
  const digest = text(value["digest"], "digest");
  const { algorithm } = parseDigest(digest);
  if (algorithm !== "sha256") throw invalid(`digest algorithm ${algorithm} is not supported`);
  const { size } = value;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
    throw invalid(`descriptor ${digest}: invalid size`);
  const platform = parsePlatform(value["platform"]);
  const notes = annotations(value["annotations"]);
  const urls = strings(value["urls"], "urls");
  const artifactType = text(value["artifactType"], "artifactType");
  return Object.freeze({
    mediaType: text(value["mediaType"], "mediaType"),
    digest,
    size,
    ...(platform === undefined ? {} : { platform }),
    ...(notes === undefined ? {} : { annotations: notes }),
    ...(urls === undefined ? {} : { urls }),
    ...(artifactType === "" ? {} : { artifactType }),
  });
}

function list(value: unknown, what: string): Descriptor[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(`${what} is no list`);
  return value.map(parseDescriptor);
}

const present = (value: unknown) => value !== undefined && value !== null;

function checkKind(document: Json, mediaType: string): void {
  if (present(document["fsLayers"])) throw invalid("media-type: schema 1 not supported");
  const own = text(document["mediaType"], "mediaType");
  const { manifests, config, layers } = document;
  if (isManifestType(mediaType) && (present(manifests) || isIndexType(own)))
    throw invalid(`media-type: expected manifest but found index (${mediaType})`);
  if (isIndexType(mediaType) && (present(config) || present(layers) || isManifestType(own)))
    throw invalid(`media-type: expected index but found manifest (${mediaType})`);
  if (own !== "" && own !== mediaType)
    throw invalid(`media-type: document says ${own}, its descriptor ${mediaType}`);
}

/**
 * The document a descriptor of an index or manifest names.
 * @throws invalid_argument
 */
export function parseDocument(bytes: Uint8Array, descriptor: Pick<Descriptor, "mediaType" | "digest">) {
  const { mediaType, digest } = descriptor;
  try {
    return parseAs(parseJson(bytes), mediaType);
  } catch (error) {
    throw wrap(error, `invalid manifest ${digest}`);
  }
}

function parseAs(document: unknown, mediaType: string): ImageDocument {
  if (!isObject(document)) throw invalid("document is no object");
  checkKind(document, mediaType);
  if (isIndexType(mediaType)) return { kind: "index", manifests: list(document["manifests"], "manifests") };
  if (!isManifestType(mediaType)) throw invalid(`unexpected media type ${mediaType}`);
  const config = parseDescriptor(document["config"]);
  return { kind: "manifest", config, layers: list(document["layers"], "layers") };
}

/** All that a document refers to, in the order that containerd's labels count. */
export function childrenOf(document: ImageDocument): readonly Descriptor[] {
  return document.kind === "index" ? document.manifests : [document.config, ...document.layers];
}
