/** Writes configuration and manifest of an image made here (import, commit, build), tied together for the garbage collector. */

import { sha256Of } from "../../lib/digest.ts";
import type { CallOptions } from "../../wire/h2/api.ts";
import type { ImageDefaults } from "../containers/ports.ts";
import { writeBlob } from "./blobs.ts";
import { chainIds } from "./chain.ts";
import type { Descriptor, HistoryEntry } from "./documents.ts";
import type { ImageParts } from "./parts.ts";
import type { Platform } from "./platform.ts";

const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";

export interface NewImage {
  readonly platform: Platform;
  /** RFC 3339. */
  readonly created: string;
  readonly author: string;
  readonly config: ImageDefaults;
  readonly layers: readonly Descriptor[];
  readonly diffIds: readonly string[];
  readonly history: readonly HistoryEntry[];
}

function historyJson({ created, createdBy, author, comment, emptyLayer }: HistoryEntry): object {
  return {
    ...(created === "" ? {} : { created }),
    ...(createdBy === "" ? {} : { created_by: createdBy }),
    ...(author === "" ? {} : { author }),
    ...(comment === "" ? {} : { comment }),
    ...(emptyLayer ? { empty_layer: true } : {}),
  };
}

function configurationJson(image: NewImage): object {
  const { os, architecture, variant } = image.platform;
  return {
    created: image.created,
    ...(image.author === "" ? {} : { author: image.author }),
    architecture,
    ...(variant === "" ? {} : { variant }),
    os,
    config: image.config,
    rootfs: { type: "layers", diff_ids: image.diffIds },
    history: image.history.map(historyJson),
  };
}

async function put(
  parts: ImageParts,
  mediaType: string,
  value: object,
  labels: Readonly<Record<string, string>>,
  options: CallOptions,
): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(value));
  const ref = `skiffd-${sha256Of(bytes)}`;
  const { digest, size } = await writeBlob(parts.clients, { ref, labels }, [bytes], options);
  return { mediaType, digest, size };
}

/** @param options name a lease that keeps everything until an image refers to it */
export async function writeImage(
  parts: ImageParts,
  image: NewImage,
  options: CallOptions,
): Promise<Descriptor> {
  const top = chainIds(image.diffIds).at(-1);
  const snapshot: Record<string, string> =
    top === undefined ? {} : { [`containerd.io/gc.ref.snapshot.${parts.snapshotter}`]: top };
  const config = await put(parts, CONFIG_TYPE, configurationJson(image), snapshot, options);
  const layers = image.layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
  const labels = {
    "containerd.io/gc.ref.content.config": config.digest,
    ...Object.fromEntries(
      layers.map(({ digest }, index) => [`containerd.io/gc.ref.content.l.${index}`, digest]),
    ),
  };
  const manifest = { schemaVersion: 2, mediaType: MANIFEST_TYPE, config, layers };
  return put(parts, MANIFEST_TYPE, manifest, labels, options);
}
