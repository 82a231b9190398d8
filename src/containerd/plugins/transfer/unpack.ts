/**
 * Layers into snapshots, one over the other, each committed under its chain id (image-spec, config.md, "Layer ChainID").
 *
 * A snapshot that exists is taken as it is. The differ's digest of the uncompressed bytes must be the one the configuration names: that, and not
 * the layer's name, ties the tree to the image.
 */
import { sha256Of } from "../../../lib/digest.ts";
import { codeOf, SkiffError, wrap } from "../../../lib/errors.ts";
import type { Descriptor } from "../../core/content.ts";
import type { Snapshotter } from "../../core/snapshots.ts";
import type { Job } from "./job.ts";
import { UNCOMPRESSED } from "./labels.ts";

export function chainIds(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds)
    chain.push(chain.length === 0 ? diffId : sha256Of(`${chain.at(-1)} ${diffId}`));
  return chain;
}

export interface LayerStep {
  readonly layer: Descriptor;
  readonly diffId: string;
  readonly chainId: string;
  /** "" for the lowest. */
  readonly parent: string;
}

/** Holds it by the lease, too. */
export function hasSnapshot(
  { parts, namespace, lease }: Job,
  snapshotter: Snapshotter,
  name: string,
): boolean {
  try {
    snapshotter.stat(namespace, name);
  } catch (error) {
    if (codeOf(error) === "not_found") return false;
    throw error;
  }
  parts.leases.add(namespace, lease, { type: `snapshots/${snapshotter.name}`, id: name });
  return true;
}

async function extract(job: Job, snapshotter: Snapshotter, step: LayerStep, key: string): Promise<void> {
  const { parts, namespace, lease, progress } = job;
  const { layer, diffId, chainId, parent } = step;
  const labels = { "containerd.io/snapshot.ref": chainId };
  const mounts = await snapshotter.prepare(namespace, key, parent, labels, lease);
  progress.extracting(layer, 0);
  const { descriptor } = await parts.differ
    .apply(namespace, layer, mounts, (bytes) => progress.extracting(layer, bytes))
    .catch((error) => {
      throw wrap(
        error,
        `failed to extract layer (${layer.mediaType} ${layer.digest}) to ${snapshotter.name}`,
      );
    });
  if (descriptor.digest !== diffId) {
    const message = `wrong diff id "${descriptor.digest}" calculated on extraction "${diffId}", desc "${layer.digest}"`;
    throw new SkiffError("failed_precondition", message);
  }
  await snapshotter.commit(namespace, chainId, key, labels, lease);
}

/** The snapshot `step.chainId` exists afterwards. Two transfers that need the same one: the second waits. */
export async function unpackLayer(job: Job, snapshotter: Snapshotter, step: LayerStep): Promise<void> {
  const { parts, namespace, signal, progress } = job;
  const { layer, diffId, chainId } = step;
  await job.shared.snapshots.run(`${namespace}/${snapshotter.name}/${chainId}`, async () => {
    if (signal.aborted) throw new SkiffError("canceled", "context canceled");
    if (!hasSnapshot(job, snapshotter, chainId)) {
      const key = `extract-${parts.clock.nowNs() % 1_000_000_000n}-${parts.ids.hex(3)} ${chainId}`;
      try {
        await extract(job, snapshotter, step, key);
      } catch (error) {
        await snapshotter.remove(namespace, key).catch(() => {});
        if (codeOf(error) !== "already_exists" || !hasSnapshot(job, snapshotter, chainId)) throw error;
      }
      parts.content.update(namespace, layer.digest, { [UNCOMPRESSED]: diffId }, false);
    }
    progress.extracted(layer);
  });
}
