/** Layers to snapshots: what a pull leaves undone (another platform, an archive) is done when the image is first needed. */
import { codeOf, SkiffError } from "../../lib/errors.ts";
import type { CallOptions } from "../../wire/h2/api.ts";
import { label } from "./blobs.ts";
import { withLease } from "./leases.ts";
import type { PlatformImage, Unpacker } from "./manifests.ts";
import type { ImageParts } from "./parts.ts";
import { descriptorMessage } from "./store.ts";

type Parts = Pick<ImageParts, "clients" | "snapshotter" | "clock" | "ids">;

async function isThere(
  { clients, snapshotter }: Parts,
  key: string,
  options?: CallOptions,
): Promise<boolean> {
  try {
    await clients.snapshots.stat({ snapshotter, key }, options);
    return true;
  } catch (error) {
    if (codeOf(error) === "not_found") return false;
    throw error;
  }
}

/** @returns whether the whole chain is there: a snapshot has its parents. */
export function isUnpacked(parts: Parts, image: PlatformImage, options?: CallOptions): Promise<boolean> {
  const top = image.chains.at(-1);
  return top === undefined ? Promise.resolve(true) : isThere(parts, top, options);
}

async function unpackLayer(
  parts: Parts,
  image: PlatformImage,
  index: number,
  options: CallOptions,
): Promise<void> {
  const { clients, snapshotter, ids } = parts;
  const chain = image.chains[index]!;
  const parent = image.chains[index - 1] ?? "";
  const key = `extract-${ids.hex(8)} ${chain}`;
  const labels = { "containerd.io/snapshot.ref": chain };
  const { mounts } = await clients.snapshots.prepare({ snapshotter, key, parent, labels }, options);
  try {
    const { applied } = await clients.diff.apply(
      { diff: descriptorMessage(image.layers[index]!), mounts },
      options,
    );
    if (applied?.digest !== image.configuration.diffIds[index])
      throw new SkiffError(
        "data_loss",
        `wrong diff id calculated on extraction "${applied?.digest}": layer of ${image.manifest.digest}`,
      );
    await clients.snapshots.commit({ snapshotter, name: chain, key, labels }, options);
  } catch (error) {
    await clients.snapshots.remove({ snapshotter, key }).catch(() => {});
    if (codeOf(error) !== "already_exists") throw error;
  }
}

/** Makes the missing snapshots and ties the topmost to the image's configuration. */
export async function unpack(parts: Parts, image: PlatformImage): Promise<void> {
  await withLease(parts, [image.manifest.digest], async (options) => {
    for (const [index, chain] of image.chains.entries()) {
      if (!(await isThere(parts, chain, options))) await unpackLayer(parts, image, index, options);
    }
    const top = image.chains.at(-1);
    if (top === undefined) return;
    const reference = { [`containerd.io/gc.ref.snapshot.${parts.snapshotter}`]: top };
    await label(parts.clients, image.config.digest, reference, options);
  });
}

/** Unpacking the same image twice at a time is work for nothing. */
export function createUnpacker(parts: Parts): Unpacker {
  const running = new Map<string, Promise<void>>();
  return async (image, options) => {
    if (await isUnpacked(parts, image, options)) return;
    const key = image.manifest.digest;
    const run = running.get(key) ?? unpack(parts, image).finally(() => running.delete(key));
    running.set(key, run);
    await run;
  };
}
