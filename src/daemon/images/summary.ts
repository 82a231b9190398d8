/** One image of `GET /images/json`, with what is known of each of its platforms. */
import type { ImageSummary } from "../../contracts/engine/image.ts";
import type { ContainerRecord } from "../containers/container.ts";
import { type Descriptor, isAttestation } from "./documents.ts";
import type { PlatformImage } from "./manifests.ts";
import type { ImageParts } from "./parts.ts";
import type { Platform } from "./platform.ts";
import { repositoryNames } from "./repository.ts";
import { contentSize, sizeOf, unpackedSize } from "./size.ts";
import { PARENT_LABEL, type StoredImage } from "./store.ts";

export interface Summarized {
  /** All names of one target. */
  readonly images: readonly StoredImage[];
  readonly target: Descriptor;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly present: readonly PlatformImage[];
}

/** Seconds; 0 for a time that is none. */
export function seconds(time: string): number {
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1000);
}

export async function look(parts: ImageParts, images: readonly StoredImage[]): Promise<Summarized> {
  const { target } = images[0]!;
  const present = await parts.manifests.present(target);
  const best = await parts.manifests.best(target, parts.platform);
  return {
    ...{ images, target, present },
    created: seconds(best?.configuration.created ?? ""),
    labels: best?.configuration.config.Labels ?? null,
  };
}

function platformJson({ os, architecture, variant }: Platform): object {
  return { architecture, os, ...(variant === "" ? {} : { variant }) };
}

/** As JSON: no field that is empty. */
export function descriptorJson(descriptor: Descriptor): Record<string, unknown> {
  const { mediaType, digest, size, annotations, platform } = descriptor;
  return {
    ...{ mediaType, digest, size },
    ...(annotations === undefined ? {} : { annotations }),
    ...(platform === undefined ? {} : { platform: platformJson(platform) }),
  };
}

/** The elements of `Manifests`: what the index names, here or not. */
export async function manifestSummaries(
  parts: ImageParts,
  { target, present, images }: Summarized,
): Promise<object[]> {
  const users = parts.containers.all().filter(({ image }) => image.id === images[0]!.target.digest);
  const rows = (await parts.manifests.entries(target)).map(async (entry) => {
    const image = present.find(({ manifest }) => manifest.digest === entry.digest);
    const content = image === undefined ? 0 : contentSize(entry, [image]);
    const unpacked = image === undefined ? 0 : await unpackedSize(parts, [image]);
    const common = {
      ID: entry.digest,
      Descriptor: descriptorJson(entry),
      Available: image !== undefined,
      Size: { Content: content, Total: content + unpacked },
    };
    if (isAttestation(entry)) {
      const For = entry.annotations?.["vnd.docker.reference.digest"] ?? "";
      return { ...common, Kind: "attestation", AttestationData: { For } };
    }
    const Containers = users
      .filter((user) => user.image.manifest?.digest === entry.digest)
      .map(({ id }) => id);
    const Platform = platformJson(image?.platform ?? entry.platform ?? parts.platform);
    return { ...common, Kind: "image", ImageData: { Platform, Containers, Size: { Unpacked: unpacked } } };
  });
  return Promise.all(rows);
}

export async function summarize(
  parts: ImageParts,
  containers: readonly ContainerRecord[],
  image: Summarized,
): Promise<ImageSummary> {
  const { images, target, present, created, labels } = image;
  const { content, unpacked } = await sizeOf(parts, target, present);
  const { RepoTags, RepoDigests } = repositoryNames(images);
  return {
    Containers: containers.filter((container) => container.image.id === target.digest).length,
    Created: created,
    Id: target.digest,
    Labels: labels,
    ParentId: images.find(({ labels: own }) => own[PARENT_LABEL] !== undefined)?.labels[PARENT_LABEL] ?? "",
    Descriptor: descriptorJson(target) as unknown as NonNullable<ImageSummary["Descriptor"]>,
    RepoDigests,
    RepoTags,
    SharedSize: -1,
    Size: content + unpacked,
  };
}
