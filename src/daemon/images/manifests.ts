/** From an image's target to what runs on a platform: index → manifest → configuration. Parsed once per digest, since digests never change meaning. */

import { sha256Of } from "../../lib/digest.ts";
import { codeOf, SkiffError } from "../../lib/errors.ts";
import type { CallOptions } from "../../wire/h2/api.ts";
import { readDocument } from "./blobs.ts";
import { BoundedMap } from "./bounded.ts";
import { chainIds } from "./chain.ts";
import type { ImageClients } from "./clients.ts";
import {
  type Descriptor,
  type ImageConfiguration,
  isAttestation,
  isIndex,
  isManifest,
  parseConfiguration,
  parseIndex,
  parseManifest,
} from "./documents.ts";
import { fit, type Platform } from "./platform.ts";

/** An image for one platform, as far as its documents say. */
export interface PlatformImage {
  readonly manifest: Descriptor;
  readonly platform: Platform;
  readonly config: Descriptor;
  readonly configuration: ImageConfiguration;
  readonly layers: readonly Descriptor[];
  /** Names of the snapshots, one per layer. */
  readonly chains: readonly string[];
}

/** Makes sure that an image lies unpacked. */
export type Unpacker = (image: PlatformImage, options?: CallOptions) => Promise<void>;

export interface Manifests {
  /** Entries of an index; of a manifest, itself. */
  entries(target: Descriptor, options?: CallOptions): Promise<readonly Descriptor[]>;
  /** undefined when manifest or configuration is not stored here, or is no image. */
  load(manifest: Descriptor, options?: CallOptions): Promise<PlatformImage | undefined>;
  /** All that is stored here, in the index's order. */
  present(target: Descriptor): Promise<readonly PlatformImage[]>;
  /** The best fit among what is stored here; with `preferred` only, anything is better than nothing. */
  best(
    target: Descriptor,
    preferred: Platform,
    required?: Platform,
    options?: CallOptions,
  ): Promise<PlatformImage | undefined>;
}

/** Some kilobytes each. */
const DOCUMENTS_KEPT = 512;
/** Docker's manifests may leave out the layer's other names; what is no file system (a Helm chart, a signature) cannot be run. */
const CONFIG_TYPES =
  /^application\/vnd\.(oci\.image\.config\.v1|docker\.container\.image\.v1)\+json$|^application\/octet-stream$/;

async function fetchDocument(
  clients: ImageClients,
  { digest }: Descriptor,
  options?: CallOptions,
): Promise<Buffer | undefined> {
  try {
    const bytes = await readDocument(clients, digest, options);
    if (sha256Of(bytes) !== digest)
      throw new SkiffError("data_loss", `read ${digest}: content does not match digest`);
    return bytes;
  } catch (error) {
    if (codeOf(error) === "not_found") return undefined;
    throw error;
  }
}

async function loadManifest(
  clients: ImageClients,
  descriptor: Descriptor,
  host: Platform,
  options?: CallOptions,
): Promise<PlatformImage | undefined> {
  if (!isManifest(descriptor.mediaType) || isAttestation(descriptor)) return undefined;
  const bytes = await fetchDocument(clients, descriptor, options);
  if (bytes === undefined) return undefined;
  const { config, layers } = parseManifest(bytes);
  if (!CONFIG_TYPES.test(config.mediaType)) return undefined;
  const configBytes = await fetchDocument(clients, config, options);
  if (configBytes === undefined) return undefined;
  const configuration = parseConfiguration(configBytes);
  if (layers.length !== configuration.diffIds.length)
    throw new SkiffError(
      "invalid_argument",
      `invalid image: mismatched image rootfs and manifest layers (${configuration.diffIds.length} and ${layers.length})`,
    );
  const own = configuration.platform.os === "" ? host : configuration.platform;
  return Object.freeze({
    manifest: descriptor,
    platform: descriptor.platform ?? own,
    config,
    configuration,
    layers,
    chains: chainIds(configuration.diffIds),
  });
}

export function createManifests(clients: ImageClients, host: Platform): Manifests {
  const loaded = new BoundedMap<PlatformImage>(DOCUMENTS_KEPT);
  const indexes = new BoundedMap<readonly Descriptor[]>(DOCUMENTS_KEPT);
  const entries: Manifests["entries"] = async (target, options) => {
    if (!isIndex(target.mediaType)) return [target];
    const known = indexes.get(target.digest);
    if (known !== undefined) return known;
    const bytes = await fetchDocument(clients, target, options);
    if (bytes === undefined) return [];
    const parsed = parseIndex(bytes);
    indexes.set(target.digest, parsed);
    return parsed;
  };
  const load: Manifests["load"] = async (manifest, options) => {
    const known = loaded.get(manifest.digest);
    if (known !== undefined) return known;
    const image = await loadManifest(clients, manifest, host, options);
    if (image !== undefined) loaded.set(manifest.digest, image);
    return image;
  };
  return {
    entries,
    load,
    async present(target) {
      const images: PlatformImage[] = [];
      for (const entry of await entries(target)) {
        const image = await load(entry);
        if (image !== undefined) images.push(image);
      }
      return images;
    },
    async best(target, preferred, required, options) {
      const wanted = required ?? preferred;
      const rank = ({ platform }: Descriptor) =>
        platform === undefined ? 0 : (fit(platform, wanted) ?? 1000);
      const candidates = [...(await entries(target, options))].sort((a, b) => rank(a) - rank(b));
      for (const entry of candidates) {
        if (required !== undefined && rank(entry) === 1000) break;
        const image = await load(entry, options);
        if (image === undefined) continue;
        if (required === undefined || fit(image.platform, required) !== undefined) return image;
      }
      return undefined;
    },
  };
}
