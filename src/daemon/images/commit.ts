/** `docker commit`: what the container changed becomes a layer over its image. */
import { rfc3339Nano } from "../../lib/clock.ts";
import { codeOf, SkiffError } from "../../lib/errors.ts";
import { familiarString, type Reference } from "../../lib/reference.ts";
import type { CallOptions } from "../../wire/h2/api.ts";
import type { ContainerRecord } from "../containers/container.ts";
import type { ImageDefaults } from "../containers/ports.ts";
import { applyChanges } from "./changes.ts";
import { type Descriptor, type HistoryEntry, parseDefaults } from "./documents.ts";
import { publishImage } from "./image-events.ts";
import { withLease } from "./leases.ts";
import type { PlatformImage } from "./manifests.ts";
import { danglingName } from "./names.ts";
import { type NewImage, writeImage } from "./new-image.ts";
import type { ImageParts } from "./parts.ts";
import { PARENT_LABEL, putImage } from "./store.ts";
import { nameTarget } from "./tag.ts";

export interface CommitOptions {
  readonly container: string;
  readonly reference: Reference | undefined;
  readonly comment: string;
  readonly author: string;
  readonly pause: boolean;
  readonly changes: readonly string[];
  /** A container configuration; what it leaves out is the container's. */
  readonly config: Readonly<Record<string, unknown>>;
}

const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip";

export interface Layer {
  readonly descriptor: Descriptor;
  readonly diffId: string;
}

async function mountsOf(parts: ImageParts, id: string, parent: string, options: CallOptions) {
  const { clients, snapshotter, ids } = parts;
  const view = `${id}-commit-${ids.hex(8)}`;
  const lower = await clients.snapshots.view({ snapshotter, key: view, parent }, options);
  const upper = await clients.snapshots.mounts({ snapshotter, key: id }, options);
  return { view, left: lower.mounts, right: upper.mounts };
}

/** The container's changes as a blob. */
export async function diffOf(parts: ImageParts, id: string, options: CallOptions): Promise<Layer> {
  const { clients, snapshotter } = parts;
  const { info } = await clients.snapshots.stat({ snapshotter, key: id }, options);
  const { view, left, right } = await mountsOf(parts, id, info?.parent ?? "", options);
  try {
    const { diff } = await clients.diff.diff(
      { left, right, mediaType: LAYER_TYPE, ref: `skiffd-commit-${parts.ids.hex(12)}` },
      options,
    );
    if (diff === undefined) throw new SkiffError("internal", `commit ${id}: containerd answered no layer`);
    const blob = await clients.content.info({ digest: diff.digest }, options);
    const diffId =
      blob.info?.labels["containerd.io/uncompressed"] ?? diff.annotations["containerd.io/uncompressed"];
    if (diffId === undefined) throw new SkiffError("internal", `commit ${id}: layer without a diff id`);
    return { descriptor: { mediaType: LAYER_TYPE, digest: diff.digest, size: Number(diff.size) }, diffId };
  } finally {
    await clients.snapshots.remove({ snapshotter, key: view }).catch(() => {});
  }
}

/** Digest of 1,024 zero bytes: an archive of nothing. */
export const EMPTY_DIFF_ID = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

const isEmpty = (value: unknown) =>
  value === null || value === undefined || (typeof value === "object" && Object.keys(value).length === 0);

/** The container's configuration under what was sent, as dockerd merges the two. */
function mergeDefaults(sent: ImageDefaults, own: ImageDefaults): ImageDefaults {
  const names = new Set((sent.Env ?? []).map((entry) => entry.split("=", 1)[0]));
  const Env = [...(sent.Env ?? []), ...(own.Env ?? []).filter((entry) => !names.has(entry.split("=", 1)[0]))];
  const command =
    isEmpty(sent.Entrypoint) && isEmpty(sent.Cmd)
      ? { Entrypoint: own.Entrypoint ?? null, Cmd: own.Cmd ?? null }
      : {
          Entrypoint: sent.Entrypoint ?? (isEmpty(sent.Cmd) ? null : (own.Entrypoint ?? null)),
          Cmd: sent.Cmd ?? null,
        };
  const fields = Object.entries({ ...own, ...sent, ...command, Env }).filter(
    ([, value]) => !isEmpty(value) && value !== "",
  );
  return {
    ...Object.fromEntries(fields),
    Labels: { ...own.Labels, ...sent.Labels },
    ...(isEmpty({ ...own.ExposedPorts, ...sent.ExposedPorts })
      ? {}
      : { ExposedPorts: { ...own.ExposedPorts, ...sent.ExposedPorts } }),
    ...(isEmpty({ ...own.Volumes, ...sent.Volumes }) ? {} : { Volumes: { ...own.Volumes, ...sent.Volumes } }),
  };
}

function checkState({ id, state }: ContainerRecord): void {
  if (state.status === "dead" || state.status === "removing")
    throw new SkiffError(
      "conflict",
      `You cannot commit container ${id} which is ${state.status === "dead" ? "Dead" : "being removed"}`,
    );
}

async function paused<T>(
  parts: ImageParts,
  container: ContainerRecord,
  asked: boolean,
  body: () => Promise<T>,
) {
  const pause = asked && container.state.status === "running";
  if (pause) await parts.containers.pause(container.id);
  try {
    return await body();
  } finally {
    // It may have ended meanwhile.
    if (pause)
      await parts.containers.unpause(container.id).catch((error: unknown) => {
        if (codeOf(error) === "unknown") throw error;
      });
  }
}

function newImage(
  parts: ImageParts,
  base: PlatformImage | undefined,
  container: ContainerRecord,
  options: CommitOptions,
  layer: Layer,
): NewImage {
  const created = rfc3339Nano(parts.clock.nowNs());
  const author = options.author === "" ? (base?.configuration.author ?? "") : options.author;
  const emptyLayer = layer.diffId === EMPTY_DIFF_ID;
  const createdBy = (container.config.Cmd ?? []).join(" ");
  const entry: HistoryEntry = {
    created,
    createdBy,
    author: options.author,
    comment: options.comment,
    emptyLayer,
  };
  const { config } = container;
  const asked = applyChanges(
    parseDefaults(isEmpty(options.config) ? config : options.config),
    options.changes,
  );
  return {
    platform: base?.platform ?? parts.platform,
    ...{ created, author },
    config: mergeDefaults(asked, parseDefaults(config)),
    layers: [...(base?.layers ?? []), ...(emptyLayer ? [] : [layer.descriptor])],
    diffIds: [...(base?.configuration.diffIds ?? []), ...(emptyLayer ? [] : [layer.diffId])],
    history: [...(base?.configuration.history ?? []), entry],
  };
}

/** Answers the new image's id. @throws not_found, conflict, invalid_argument */
export async function commitContainer(parts: ImageParts, options: CommitOptions): Promise<string> {
  const container = parts.containers.get(options.container);
  checkState(container);
  // Before the container is paused: a wrong change must not stop it.
  applyChanges({}, options.changes);
  const { manifest } = container.image;
  const base = manifest === undefined ? undefined : await parts.manifests.load(manifest);
  const digest = await withLease(parts, manifest === undefined ? [] : [manifest.digest], async (lease) => {
    const layer = await paused(parts, container, options.pause, () => diffOf(parts, container.id, lease));
    const target = await writeImage(parts, newImage(parts, base, container, options, layer), lease);
    const labels = { [PARENT_LABEL]: container.image.id };
    if (options.reference === undefined) await putImage(parts, danglingName(target.digest), target, labels);
    else await nameTarget(parts, options.reference, target, labels);
    const made = await parts.manifests.load(target);
    if (made !== undefined) await parts.unpack(made);
    return target.digest;
  });
  await tell(parts, container, options, digest);
  return digest;
}

async function tell(parts: ImageParts, container: ContainerRecord, options: CommitOptions, digest: string) {
  const imageRef = options.reference === undefined ? "" : familiarString(options.reference);
  if (imageRef !== "") await publishImage(parts, "tag", digest, imageRef);
  parts.events.publish("container", "commit", container.id, {
    ...container.config.Labels,
    image: container.config.Image,
    name: container.name,
    comment: options.comment,
    imageID: digest,
    imageRef,
  });
}
