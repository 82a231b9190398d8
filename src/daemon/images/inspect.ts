/** `GET /images/{name}/json`. */
import { rfc3339Nano } from "../../lib/clock.ts";
import type { ImageParts } from "./parts.ts";
import { repositoryNames } from "./repository.ts";
import { contentSize } from "./size.ts";
import { platformOf } from "./source.ts";
import { findImage, listImages, PARENT_LABEL } from "./store.ts";
import { descriptorJson, look, manifestSummaries } from "./summary.ts";

export interface InspectImageOptions {
  /** "" for this machine's. */
  readonly platform: string;
  readonly manifests: boolean;
}

export async function inspectImage(
  parts: ImageParts,
  reference: string,
  { platform, manifests }: InspectImageOptions,
): Promise<Record<string, unknown>> {
  const found = await findImage(parts, reference);
  const all = await listImages(parts, found.target.digest);
  const images = all.length === 0 ? [found] : all;
  const looked = await look(parts, images);
  const image =
    platform === ""
      ? await parts.manifests.best(found.target, parts.platform)
      : await platformOf(parts, found, reference, platform);
  const target = platform === "" || image === undefined ? found.target : image.manifest;
  const { RepoTags, RepoDigests } = repositoryNames(images);
  let tagged = 0n;
  for (const { updatedAtNs } of images) if (updatedAtNs > tagged) tagged = updatedAtNs;
  const configuration = image?.configuration;
  return {
    Id: target.digest,
    RepoTags,
    RepoDigests,
    Parent: found.labels[PARENT_LABEL] ?? "",
    Comment: configuration?.history.at(-1)?.comment ?? "",
    ...(configuration === undefined || configuration.created === ""
      ? {}
      : { Created: configuration.created }),
    DockerVersion: "",
    Author: configuration?.author ?? "",
    Config: configuration?.config ?? null,
    Architecture: image?.platform.architecture ?? "",
    ...(image === undefined || image.platform.variant === "" ? {} : { Variant: image.platform.variant }),
    Os: image?.platform.os ?? "",
    ...(configuration === undefined || configuration.osVersion === ""
      ? {}
      : { OsVersion: configuration.osVersion }),
    Size: contentSize(found.target, image === undefined ? [] : [image]),
    GraphDriver: { Data: null, Name: parts.snapshotter },
    RootFS: configuration === undefined ? {} : { Type: "layers", Layers: configuration.diffIds },
    Metadata: { LastTagTime: rfc3339Nano(tagged) },
    Descriptor: descriptorJson(target),
    ...(manifests ? { Manifests: await manifestSummaries(parts, looked) } : {}),
  };
}
