/** `GET /distribution/{name}/json`: what a registry has under a name, without pulling it. */
import { sha256Of } from "../../lib/digest.ts";
import { SkiffError } from "../../lib/errors.ts";
import { parseReference, type Reference, withDefaultTag } from "../../lib/reference.ts";
import type { Credentials } from "./credentials.ts";
import {
  isAttestation,
  isIndex,
  isManifest,
  parseConfiguration,
  parseIndex,
  parseManifest,
} from "./documents.ts";
import type { ImageParts } from "./parts.ts";
import type { Platform } from "./platform.ts";
import { askRegistry, type RegistryAnswer } from "./registry-client.ts";

const ACCEPT = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

function platformJson({ os, architecture, variant }: Platform): object {
  return { architecture, os, ...(variant === "" ? {} : { variant }) };
}

async function platformsOf(
  parts: ImageParts,
  reference: Reference,
  credentials: Credentials | undefined,
  mediaType: string,
  body: Buffer,
): Promise<object[]> {
  if (isIndex(mediaType))
    return parseIndex(body)
      .filter((entry) => entry.platform !== undefined && !isAttestation(entry))
      .map(({ platform }) => platformJson(platform!));
  const { config } = parseManifest(body);
  const request = { path: `blobs/${config.digest}`, method: "GET", accept: "*/*" } as const;
  const answer = await askRegistry({ reference, credentials }, request, parts.registries);
  const { os, architecture, variant } = parseConfiguration(answer.body).platform;
  return [{ architecture, os, ...(variant === "" ? {} : { variant }) }];
}

function checkDigest({ headers, body }: RegistryAnswer, reference: Reference): string {
  const digest = sha256Of(body);
  const told = headers.get("docker-content-digest");
  const wanted = reference.digest === "" ? (told ?? digest) : reference.digest;
  if (wanted.startsWith("sha256:") && wanted !== digest)
    throw new SkiffError("data_loss", `manifest verification failed for digest ${wanted}`);
  return wanted;
}

/** @throws not_found, unauthenticated, invalid_argument */
export async function inspectDistribution(
  parts: ImageParts,
  name: string,
  credentials: Credentials | undefined,
): Promise<object> {
  const reference = withDefaultTag(parseReference(name));
  const target = reference.digest === "" ? reference.tag : reference.digest;
  const request = { path: `manifests/${target}`, method: "GET", accept: ACCEPT } as const;
  const answer = await askRegistry({ reference, credentials }, request, parts.registries);
  const digest = checkDigest(answer, reference);
  const mediaType = (answer.headers.get("content-type") ?? "").split(";")[0]!.trim();
  if (!isIndex(mediaType) && !isManifest(mediaType))
    throw new SkiffError("invalid_argument", `unsupported manifest format "${mediaType}"`);
  return {
    Descriptor: { mediaType, digest, size: answer.body.length },
    Platforms: await platformsOf(parts, reference, credentials, mediaType, answer.body),
  };
}
