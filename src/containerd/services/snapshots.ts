/** Snapshots over gRPC: every call names its snapshotter. */

import {
  SnapshotCommitSchema,
  SnapshotPrepareSchema,
  SnapshotRemoveSchema,
} from "../../contracts/containerd/gen/events_pb.ts";
import { Kind, Snapshots } from "../../contracts/containerd/gen/snapshots_pb.ts";
import { timestampOf } from "../../contracts/containerd/timestamps.ts";
import { SkiffError } from "../../lib/errors.ts";
import { implement } from "../../wire/h2/server.ts";
import type { Collector } from "../core/collector.ts";
import { leaseOf, namespaceOf } from "../core/context.ts";
import type { EventBus } from "../core/events.ts";
import { mapField, parseFilters } from "../core/filters.ts";
import type { SnapshotInfo, SnapshotKind, SnapshotMount, Snapshotter } from "../core/snapshots.ts";

const KINDS: Readonly<Record<SnapshotKind, Kind>> = {
  view: Kind.VIEW,
  active: Kind.ACTIVE,
  committed: Kind.COMMITTED,
};
/** Snapshots per message of List, as containerd. */
const LIST_BATCH = 100;

function toInfo({ name, parent, kind, labels, createdAtNs, updatedAtNs }: SnapshotInfo) {
  return {
    ...{ name, parent, kind: KINDS[kind], labels: { ...labels } },
    ...{ createdAt: timestampOf(createdAtNs), updatedAt: timestampOf(updatedAtNs) },
  };
}

export function toMounts(mounts: readonly SnapshotMount[]) {
  return mounts.map(({ type, source, target, options }) => ({ type, source, target, options: [...options] }));
}

export interface SnapshotsParts {
  readonly snapshotters: ReadonlyMap<string, Snapshotter>;
  readonly events: EventBus;
  readonly collector: Collector;
}

export function snapshotsService({ snapshotters, events, collector }: SnapshotsParts) {
  const of = ({ snapshotter }: { readonly snapshotter: string }): Snapshotter => {
    const found = snapshotters.get(snapshotter);
    if (found === undefined)
      throw new SkiffError(
        "invalid_argument",
        `${snapshotter === "" ? "snapshotter argument missing" : `snapshotter not loaded: ${snapshotter}`}: invalid argument`,
      );
    return found;
  };
  return implement(Snapshots, {
    async prepare(request, context) {
      const namespace = namespaceOf(context);
      const { key, parent, labels, snapshotter } = request;
      const mounts = await of(request).prepare(namespace, key, parent, labels, leaseOf(context));
      events.publish(namespace, "/snapshot/prepare", SnapshotPrepareSchema, { key, parent, snapshotter });
      return { mounts: toMounts(mounts) };
    },
    async view(request, context) {
      const namespace = namespaceOf(context);
      const { key, parent, labels, snapshotter } = request;
      const mounts = await of(request).view(namespace, key, parent, labels, leaseOf(context));
      events.publish(namespace, "/snapshot/prepare", SnapshotPrepareSchema, { key, parent, snapshotter });
      return { mounts: toMounts(mounts) };
    },
    mounts: (request, context) => ({
      mounts: toMounts(of(request).mounts(namespaceOf(context), request.key)),
    }),
    async commit(request, context) {
      const namespace = namespaceOf(context);
      const { key, name, labels, snapshotter } = request;
      await of(request).commit(namespace, name, key, labels, leaseOf(context));
      events.publish(namespace, "/snapshot/commit", SnapshotCommitSchema, { key, name, snapshotter });
      return {};
    },
    async remove(request, context) {
      const namespace = namespaceOf(context);
      const { key, snapshotter } = request;
      await of(request).remove(namespace, key);
      events.publish(namespace, "/snapshot/remove", SnapshotRemoveSchema, { key, snapshotter });
      collector.schedule();
      return {};
    },
    stat: (request, context) => ({ info: toInfo(of(request).stat(namespaceOf(context), request.key)) }),
    update(request, context) {
      const { name = "", labels = {} } = request.info ?? {};
      const paths = request.updateMask?.paths ?? [];
      const unknown = paths.find((path) => !/^labels(\.|$)/.test(path));
      if (unknown !== undefined)
        throw new SkiffError(
          "invalid_argument",
          `cannot update "${unknown}" field on snapshot "${name}": invalid argument`,
        );
      return { info: toInfo(of(request).update(namespaceOf(context), name, labels, paths)) };
    },
    async *list(request, context) {
      const filter = parseFilters(request.filters);
      const found = of(request)
        .list(namespaceOf(context))
        .filter((info) =>
          filter(([field, ...rest]) => {
            if (field === "kind") return info.kind;
            if (field === "name") return info.name;
            if (field === "parent") return info.parent;
            if (field === "labels") return mapField(info.labels, rest);
            return undefined;
          }),
        );
      for (let at = 0; at < found.length; at += LIST_BATCH)
        yield { info: found.slice(at, at + LIST_BATCH).map(toInfo) };
    },
    async usage(request, context) {
      const { size, inodes } = await of(request).usage(namespaceOf(context), request.key);
      return { size: BigInt(size), inodes: BigInt(inodes) };
    },
    async cleanup(request) {
      await of(request).cleanup();
      return {};
    },
  });
}
