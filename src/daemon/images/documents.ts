/**
 * Manifests, indexes and configurations of images: written by strangers, so read field by field with bounds. What is not understood is kept out;
 * what must be there and is not, or has another type, makes the document invalid.
 */
import { SkiffError } from "../../lib/errors.ts";
import type { ImageDefaults } from "../containers/ports.ts";
import { normalizePlatform, type Platform } from "./platform.ts";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface HistoryEntry {
  /** RFC 3339 or "". */
  readonly created: string;
  readonly createdBy: string;
  readonly author: string;
  readonly comment: string;
  readonly emptyLayer: boolean;
}

export interface ImageConfiguration {
  readonly platform: Platform;
  readonly osVersion: string;
  /** RFC 3339 or "". */
  readonly created: string;
  readonly author: string;
  readonly config: ImageDefaults;
  readonly diffIds: readonly string[];
  readonly history: readonly HistoryEntry[];
}

/** What a registry will hand out at most; a manifest of 4 MiB names some 20,000 layers. */
export const DOCUMENT_BYTES_MAX = 4 * 1024 * 1024;
const LAYERS_MAX = 1024;
const MANIFESTS_MAX = 1024;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

const INDEX_TYPES = new Set([
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
]);
const MANIFEST_TYPES = new Set([
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
]);
/** Marks what BuildKit keeps beside an image: not an image to run. */
const ATTESTATION = "vnd.docker.reference.type";

export const isIndex = (mediaType: string) => INDEX_TYPES.has(mediaType);
export const isManifest = (mediaType: string) => MANIFEST_TYPES.has(mediaType);
export const isAttestation = ({ annotations }: Descriptor) =>
  annotations?.[ATTESTATION] === "attestation-manifest";
export const isLayer = (mediaType: string) =>
  /^application\/vnd\.(oci\.image\.layer|docker\.image\.rootfs)\b/.test(mediaType);

type Json = Readonly<Record<string, unknown>>;

function invalid(what: string, why: string): SkiffError {
  return new SkiffError("invalid_argument", `invalid ${what}: ${why}`);
}

function parseObject(bytes: Uint8Array, what: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch {
    throw invalid(what, "not JSON");
  }
  return object(value, what);
}

function object(value: unknown, what: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(what, "not an object");
  return value as Json;
}

function optionalObject(value: unknown, what: string): Json {
  return value === undefined || value === null ? {} : object(value, what);
}

function text(value: unknown, what: string): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw invalid(what, "not a string");
  return value;
}

function list(value: unknown, what: string, limit: number): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(what, "not a list");
  if (value.length > limit) throw invalid(what, `more than ${limit} elements`);
  return value;
}

/** `null` stays `null`. */
function words(value: unknown, what: string): readonly string[] | null {
  if (value === undefined || value === null) return null;
  return list(value, what, 65_536).map((word) => text(word, what));
}

function textMap(value: unknown, what: string): Readonly<Record<string, string>> | null {
  if (value === undefined || value === null) return null;
  const entries = Object.entries(object(value, what)).map(([key, item]) => [key, text(item, what)]);
  return Object.fromEntries(entries);
}

/** Keys with nothing behind them: `{"80/tcp": {}}`. */
function set(value: unknown, what: string): Readonly<Record<string, object>> | null {
  if (value === undefined || value === null) return null;
  return Object.fromEntries(Object.keys(object(value, what)).map((key) => [key, {}]));
}

function digest(value: unknown, what: string): string {
  if (typeof value !== "string" || !DIGEST.test(value)) throw invalid(what, "not a sha256 digest");
  return value;
}

function parsePlatformObject(value: unknown): Platform | undefined {
  if (value === undefined || value === null) return undefined;
  const { os, architecture, variant } = object(value, "platform");
  return normalizePlatform({
    os: text(os, "platform"),
    architecture: text(architecture, "platform"),
    variant: text(variant, "platform"),
  });
}

export function parseDescriptor(value: unknown): Descriptor {
  const json = object(value, "descriptor");
  const { size } = json;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
    throw invalid("descriptor", "size");
  const platform = parsePlatformObject(json["platform"]);
  const annotations = textMap(json["annotations"], "annotations");
  return {
    mediaType: text(json["mediaType"], "media type"),
    digest: digest(json["digest"], "descriptor"),
    size,
    ...(platform === undefined ? {} : { platform }),
    ...(annotations === null ? {} : { annotations }),
  };
}

export function parseIndex(bytes: Uint8Array): readonly Descriptor[] {
  return list(parseObject(bytes, "image index")["manifests"], "image index", MANIFESTS_MAX).map(
    parseDescriptor,
  );
}

export function parseManifest(bytes: Uint8Array): Manifest {
  const json = parseObject(bytes, "image manifest");
  return {
    config: parseDescriptor(json["config"]),
    layers: list(json["layers"], "layers", LAYERS_MAX).map(parseDescriptor),
  };
}

function parseHealthcheck(value: unknown): object | null {
  if (value === undefined || value === null) return null;
  const json = object(value, "Healthcheck");
  const check: Record<string, unknown> = {};
  if (json["Test"] !== undefined) check["Test"] = words(json["Test"], "Healthcheck");
  for (const name of ["Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"]) {
    const number = json[name];
    if (number === undefined || number === null) continue;
    if (typeof number !== "number" || !Number.isInteger(number)) throw invalid("Healthcheck", name);
    check[name] = number;
  }
  return check;
}

/** The `config` of a configuration, or of a container to be committed. */
export function parseDefaults(value: unknown): ImageDefaults {
  const json = optionalObject(value, "image config");
  const get = (name: string) => json[name];
  const optional = <T>(name: string, field: T | null | "") =>
    field === null || field === "" ? {} : { [name]: field };
  return {
    ...optional("User", text(get("User"), "User")),
    ...optional("ExposedPorts", set(get("ExposedPorts"), "ExposedPorts")),
    ...optional("Env", words(get("Env"), "Env")),
    ...optional("Entrypoint", words(get("Entrypoint"), "Entrypoint")),
    ...optional("Cmd", words(get("Cmd"), "Cmd")),
    ...optional("Volumes", set(get("Volumes"), "Volumes")),
    ...optional("WorkingDir", text(get("WorkingDir"), "WorkingDir")),
    ...optional("Labels", textMap(get("Labels"), "Labels")),
    ...optional("StopSignal", text(get("StopSignal"), "StopSignal")),
    ...optional("Healthcheck", parseHealthcheck(get("Healthcheck"))),
    ...optional("OnBuild", words(get("OnBuild"), "OnBuild")),
    ...optional("Shell", words(get("Shell"), "Shell")),
  };
}

function parseHistory(value: unknown): HistoryEntry {
  const json = object(value, "history");
  return {
    created: text(json["created"], "history"),
    createdBy: text(json["created_by"], "history"),
    author: text(json["author"], "history"),
    comment: text(json["comment"], "history"),
    emptyLayer: json["empty_layer"] === true,
  };
}

export function parseConfiguration(bytes: Uint8Array): ImageConfiguration {
  const json = parseObject(bytes, "image configuration");
  const rootfs = optionalObject(json["rootfs"], "rootfs");
  return {
    platform: parsePlatformObject(json)!,
    osVersion: text(json["os.version"], "os.version"),
    created: text(json["created"], "created"),
    author: text(json["author"], "author"),
    config: parseDefaults(json["config"]),
    diffIds: list(rootfs["diff_ids"], "diff_ids", LAYERS_MAX).map((item) => digest(item, "diff_ids")),
    history: list(json["history"], "history", 65_536).map(parseHistory),
  };
}
