/** From a reference to the descriptor of what it names now: HEAD, or GET where the registry's headers do not tell. */
import { isDigest, sha256Of } from "../../../lib/digest.ts";
import { SkiffError } from "../../../lib/errors.ts";
import type { Reference } from "../../../lib/reference.ts";
import type { Descriptor } from "../../core/content.ts";
import { isObject, MANIFEST_BYTES_MAX, parseJson } from "../transfer/manifests.ts";
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  DOCKER_SCHEMA1,
  isIndexType,
  isManifestType,
  OCI_INDEX,
  OCI_MANIFEST,
} from "../transfer/media-types.ts";
import { discard, readBounded } from "./body.ts";
import { exchange, type Peer } from "./http.ts";
import { statusError } from "./status-error.ts";

export const ACCEPT = [DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX, "*/*"].join(", ");

export interface ManifestQuestion {
  readonly peer: Peer;
  readonly url: URL;
  readonly reference: Reference;
  /** For messages. */
  readonly name: string;
  readonly scopes: readonly string[];
  readonly signal: AbortSignal;
}

const notFound = (name: string) => new SkiffError("not_found", `${name}: not found`);

const typeOf = (response: Response) => (response.headers.get("content-type") ?? "").split(";", 1)[0]!.trim();

const isKnown = (type: string) => isIndexType(type) || isManifestType(type);

/** A document that a server labelled vaguely tells itself what it is; OCI's may keep silent. */
function typeOfDocument(bytes: Uint8Array, header: string): string {
  if (isKnown(header)) return header;
  const document = parseJson(bytes);
  if (isObject(document)) {
    const own = document["mediaType"];
    if (typeof own === "string" && isKnown(own)) return own;
    if (document["manifests"] !== undefined) return OCI_INDEX;
    if (document["config"] !== undefined) return OCI_MANIFEST;
  }
  throw new SkiffError("invalid_argument", `unexpected media type ${header}`);
}

async function ask(question: ManifestQuestion, method: "HEAD" | "GET"): Promise<Response> {
  const { peer, url, scopes, signal, name } = question;
  const { response } = await exchange(peer, { method, url, headers: { Accept: ACCEPT }, scopes, signal });
  if (response.ok) return response;
  if (response.status === 404) {
    discard(response);
    throw notFound(name);
  }
  throw await statusError(method, url, response);
}

async function byGet(question: ManifestQuestion): Promise<Descriptor> {
  const { reference, name } = question;
  const response = await ask(question, "GET");
  const type = typeOf(response);
  if (type === DOCKER_SCHEMA1) throw schema1();
  const bytes = await readBounded(response, MANIFEST_BYTES_MAX);
  const digest = sha256Of(bytes);
  if (reference.digest !== "" && reference.digest !== digest)
    throw new SkiffError("failed_precondition", `${name}: unexpected digest ${digest}`);
  return { mediaType: typeOfDocument(bytes, type), digest, size: bytes.length };
}

function schema1(): SkiffError {
  return new SkiffError("invalid_argument", "schema 1 image manifests are no longer supported");
}

/** @throws not_found, unauthenticated, invalid_argument, unavailable */
export async function resolveAt(question: ManifestQuestion): Promise<Descriptor> {
  const { reference, name } = question;
  const response = await ask(question, "HEAD");
  discard(response);
  const mediaType = typeOf(response);
  if (mediaType === DOCKER_SCHEMA1) throw schema1();
  const length = response.headers.get("content-length") ?? "";
  const told = response.headers.get("docker-content-digest") ?? "";
  const digest = reference.digest || told;
  if (told !== "" && !isDigest(told))
    throw new SkiffError("invalid_argument", `"${told}" in header not a valid digest`);
  if (!isKnown(mediaType) || !/^\d{1,15}$/.test(length) || digest === "") return byGet(question);
  const size = Number(length);
  if (size > MANIFEST_BYTES_MAX)
    throw new SkiffError("not_found", `rejecting ${size} byte manifest for ${name}: not found`);
  return { mediaType, digest, size };
}
