/**
 * Makes an image whole: from its root descriptor down, each blob into the store, labelled for the collector, layers unpacked as they come.
 *
 * The same walk serves pull (blobs come from a registry) and import (they came with the archive). Layers are fetched a few at a time; unpacking goes in
 * order and meanwhile the later ones arrive. The first failure stops all the rest, and the walk ends only when nothing of it runs any more.
 */
import { codeOf, SkiffError } from "../../../lib/errors.ts";
import type { Descriptor, Platform } from "../../core/content.ts";
import type { Snapshotter } from "../../core/snapshots.ts";
import { type ByteSource, ensureBlob } from "./ingest.ts";
import type { Job } from "./job.ts";
import { childLabels, snapshotLabel } from "./labels.ts";
import { Limiter } from "./locks.ts";
import {
  childrenOf,
  isObject,
  MANIFEST_BYTES_MAX,
  parseDocument,
  parseJson,
  parsePlatform,
} from "./manifests.ts";
import { isConfigType, isIndexType, isManifestType } from "./media-types.ts";
import { choose, formatPlatform, normalize, rank } from "./platforms.ts";
import { chainIds, unpackLayer } from "./unpack.ts";

const DOWNLOADS_MAX = 3;
const INDEX_DEPTH_MAX = 8;

export interface UnpackTarget {
  readonly platform: Platform;
  readonly snapshotter: Snapshotter;
}

export interface Completion {
  readonly source: ByteSource;
  /** None: all. */
  readonly platforms: readonly Platform[];
  /** Manifests and configurations of the other platforms, too. */
  readonly allMetadata: boolean;
  /** 0: none. */
  readonly limit: number;
  readonly unpacks: readonly UnpackTarget[];
  /** Of every blob, beside the collector's. */
  readonly labelsOf: (digest: string) => Readonly<Record<string, string>>;
  /** An archive may leave out manifests of an index. */
  readonly mayLack: boolean;
}

interface Configuration {
  readonly platform: Platform;
  readonly diffIds: readonly string[];
}

function parseConfiguration(bytes: Uint8Array, digest: string): Configuration {
  const json = parseJson(bytes);
  if (!isObject(json)) throw new SkiffError("invalid_argument", `image configuration ${digest}: no object`);
  const rootfs = isObject(json["rootfs"]) ? json["rootfs"] : {};
  const ids = rootfs["diff_ids"] ?? [];
  if (!Array.isArray(ids) || ids.some((id) => typeof id !== "string" || !/^sha256:[a-f0-9]{64}$/.test(id)))
    throw new SkiffError("invalid_argument", `image configuration ${digest}: invalid diff_ids`);
  return { platform: normalize(parsePlatform(json) ?? { os: "", architecture: "" }), diffIds: ids };
}

class Walk {
  readonly #limiter = new Limiter(DOWNLOADS_MAX);
  readonly #stop = new AbortController();
  readonly #job: Job;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    job: Job,
    private readonly plan: Completion,
  ) {
    this.#job = { ...job, signal: AbortSignal.any([job.signal, this.#stop.signal]) };
  }

  async visit(descriptor: Descriptor, parent: Descriptor | undefined, depth: number): Promise<void> {
    if (depth > INDEX_DEPTH_MAX) throw new SkiffError("invalid_argument", "index is nested too deeply");
    const { mediaType } = descriptor;
    if (!isIndexType(mediaType) && !isManifestType(mediaType)) return this.#blob(descriptor, parent);
    const document = await this.#document(descriptor, parent);
    if (document.kind === "manifest") return this.#manifest(descriptor, document.config, document.layers);
    const chosen = choose(document.manifests, this.plan.platforms, this.plan.limit);
    if (chosen.length === 0 && document.manifests.length > 0) throw this.#noMatch(descriptor);
    const visits = chosen.map((child) => () => this.#child(child, descriptor, depth + 1));
    if (this.plan.allMetadata)
      for (const other of document.manifests)
        if (!chosen.includes(other)) visits.push(() => this.#metadata(other, descriptor));
    const lacking = await this.all(visits);
    if (chosen.length > 0 && lacking.slice(0, chosen.length).every(Boolean)) throw this.#noMatch(descriptor);
  }

  /** Runs all; the first failure stops the others, and is thrown when they have ended. */
  async all<T>(works: readonly (() => Promise<T>)[]): Promise<T[]> {
    const running = works.map((work) => work().catch((error: unknown): undefined => this.#fail(error)));
    const results = await Promise.all(running);
    if (this.#failure !== undefined) throw this.#failure.error;
    return results as T[];
  }

  /** The first is the cause, whatever ends because of it. */
  #fail(error: unknown): undefined {
    this.#failure ??= { error };
    this.#stop.abort();
  }

  #noMatch({ digest }: Descriptor): SkiffError {
    const wanted = this.plan.platforms.map((platform) => formatPlatform(normalize(platform))).join(", ");
    const what = wanted === "" ? "no manifest" : `no match for platform ${wanted}`;
    return new SkiffError("not_found", `${what} in manifest ${digest}: not found`);
  }

  /** Resolves to true when the archive lacks it, and may. */
  async #child(descriptor: Descriptor, parent: Descriptor, depth: number): Promise<boolean> {
    try {
      await this.visit(descriptor, parent, depth);
      return false;
    } catch (error) {
      if (!this.plan.mayLack || codeOf(error) !== "not_found" || this.#has(descriptor.digest)) throw error;
      return true;
    }
  }

  async #metadata(descriptor: Descriptor, parent: Descriptor): Promise<boolean> {
    if (!isManifestType(descriptor.mediaType)) return true;
    const document = await this.#document(descriptor, parent);
    if (document.kind === "manifest") await this.#blob(document.config, descriptor);
    return true;
  }

  #has(digest: string): boolean {
    try {
      this.#job.parts.content.info(this.#job.namespace, digest);
      return true;
    } catch {
      return false;
    }
  }

  async #document(descriptor: Descriptor, parent: Descriptor | undefined) {
    const { parts, namespace } = this.#job;
    await this.#blob(descriptor, parent);
    const bytes = await parts.content.readAll(namespace, descriptor.digest, MANIFEST_BYTES_MAX);
    const document = parseDocument(bytes, descriptor);
    parts.content.update(namespace, descriptor.digest, childLabels(childrenOf(document)), false);
    return document;
  }

  async #blob(descriptor: Descriptor, parent: Descriptor | undefined): Promise<void> {
    const { parts, namespace, progress } = this.#job;
    progress.waiting(descriptor, parent);
    await ensureBlob(this.#job, descriptor, this.plan.source, { labels: {}, resume: true });
    const labels = this.plan.labelsOf(descriptor.digest);
    if (Object.keys(labels).length > 0) parts.content.update(namespace, descriptor.digest, labels, false);
  }

  async #manifest(manifest: Descriptor, config: Descriptor, layers: readonly Descriptor[]): Promise<void> {
    const { parts, namespace, progress } = this.#job;
    for (const layer of layers) progress.waiting(layer, manifest);
    await this.#blob(config, manifest);
    const bytes = isConfigType(config.mediaType)
      ? await parts.content.readAll(namespace, config.digest, MANIFEST_BYTES_MAX)
      : undefined;
    const parsed = bytes === undefined ? undefined : parseConfiguration(bytes, config.digest);
    const target =
      parsed && this.plan.unpacks.find(({ platform }) => rank(platform, parsed.platform) !== undefined);
    const arrivals = layers.map((layer) => this.#limiter.run(() => this.#blob(layer, manifest)));
    // Whoever waits for an arrival gets its failure; here it only must not go unheard.
    for (const arrival of arrivals) arrival.catch((error) => this.#fail(error));
    const works = arrivals.map((arrival) => () => arrival);
    if (parsed !== undefined && target !== undefined)
      works.push(() => this.#unpack(config, layers, arrivals, parsed.diffIds, target.snapshotter));
    await this.all(works);
  }

  async #unpack(
    config: Descriptor,
    layers: readonly Descriptor[],
    arrivals: readonly Promise<void>[],
    diffIds: readonly string[],
    snapshotter: Snapshotter,
  ): Promise<void> {
    const { parts, namespace } = this.#job;
    if (layers.length !== diffIds.length) {
      const message = `number of layers and diffIDs don't match: ${layers.length} != ${diffIds.length}`;
      throw new SkiffError("invalid_argument", message);
    }
    const chain = chainIds(diffIds);
    for (const [i, layer] of layers.entries()) {
      await arrivals[i];
      const step = { layer, diffId: diffIds[i]!, chainId: chain[i]!, parent: chain[i - 1] ?? "" };
      await unpackLayer(this.#job, snapshotter, step);
    }
    const last = chain.at(-1);
    if (last !== undefined)
      parts.content.update(namespace, config.digest, snapshotLabel(snapshotter.name, last), false);
  }
}

/** @throws not_found when nothing suits the platforms, invalid_argument for what is no image, and what the source throws */
export async function completeImage(job: Job, root: Descriptor, plan: Completion): Promise<void> {
  await new Walk(job, plan).visit(root, undefined, 0);
}
