/** The database as the collector's graph. */
import type { Database } from "bun:sqlite";
import { fromBinary } from "@bufbuild/protobuf";
import { ContainerSchema } from "../../contracts/containerd/gen/containers_pb.ts";
import type { Descriptor } from "../core/content.ts";
import {
  contentNode,
  type Graph,
  type GraphNode,
  type GraphRoot,
  type Node,
  snapshotNode,
} from "../core/gc.ts";
import { decodeLabels } from "./database.ts";

const EXPIRE = "containerd.io/gc.expire";
const FLAT = "containerd.io/gc.flat";
const SNAPSHOTS = "snapshots/";

function imageRoots(database: Database): GraphRoot[] {
  type Row = { readonly namespace: string; readonly target: string; readonly labels: string };
  return database
    .query<Row, []>("SELECT namespace, target, labels FROM images")
    .all()
    .map(({ namespace, target, labels }) => {
      const { digest } = JSON.parse(target) as Descriptor;
      return { namespace, labels: decodeLabels(labels), needs: [contentNode(namespace, digest)] };
    });
}

function resourceNode(namespace: string, type: string, id: string): Node | undefined {
  if (type === "content") return contentNode(namespace, id);
  return type.startsWith(SNAPSHOTS) ? snapshotNode(namespace, type.slice(SNAPSHOTS.length), id) : undefined;
}

function leaseRoots(database: Database): GraphRoot[] {
  type Lease = { readonly namespace: string; readonly id: string; readonly labels: string };
  type Resource = { readonly type: string; readonly id: string };
  const resources = database.query<Resource, [string, string]>(
    "SELECT type, id FROM lease_resources WHERE namespace = ? AND lease = ?",
  );
  return database
    .query<Lease, []>("SELECT namespace, id, labels FROM leases")
    .all()
    .map(({ namespace, id, labels }) => ({
      namespace,
      labels: {},
      flat: Object.hasOwn(decodeLabels(labels), FLAT),
      needs: resources
        .all(namespace, id)
        .map((resource) => resourceNode(namespace, resource.type, resource.id))
        .filter((node) => node !== undefined),
    }));
}

function containerRoots(database: Database): GraphRoot[] {
  type Row = { readonly namespace: string; readonly record: Uint8Array };
  return database
    .query<Row, []>("SELECT namespace, record FROM containers")
    .all()
    .map(({ namespace, record }) => {
      const { snapshotter, snapshotKey, labels } = fromBinary(ContainerSchema, record);
      const needs = snapshotKey === "" ? [] : [snapshotNode(namespace, snapshotter, snapshotKey)];
      return { namespace, labels, needs };
    });
}

function contentNodes(database: Database): GraphNode[] {
  type Row = { readonly namespace: string; readonly digest: string; readonly labels: string };
  return database
    .query<Row, []>("SELECT namespace, digest, labels FROM content")
    .all()
    .map(({ namespace, digest, labels }) => ({
      ...{ namespace, node: contentNode(namespace, digest), snapshotter: "", id: digest },
      ...{ labels: decodeLabels(labels), parent: undefined },
    }));
}

function snapshotNodes(database: Database): GraphNode[] {
  type Row = Readonly<Record<"namespace" | "snapshotter" | "key" | "parent" | "labels", string>>;
  return database
    .query<Row, []>("SELECT namespace, snapshotter, key, parent, labels FROM snapshots")
    .all()
    .map(({ namespace, snapshotter, key, parent, labels }) => ({
      ...{ namespace, node: snapshotNode(namespace, snapshotter, key), snapshotter, id: key },
      labels: decodeLabels(labels),
      parent: parent === "" ? undefined : snapshotNode(namespace, snapshotter, parent),
    }));
}

export function readGraph(database: Database): Graph {
  return {
    roots: [...imageRoots(database), ...leaseRoots(database), ...containerRoots(database)],
    nodes: [...contentNodes(database), ...snapshotNodes(database)],
  };
}

/** Deletes leases whose time has come. */
export function expireLeases(database: Database, nowMs: number): void {
  type Row = { readonly namespace: string; readonly id: string; readonly labels: string };
  for (const { namespace, id, labels } of database
    .query<Row, []>("SELECT namespace, id, labels FROM leases")
    .all()) {
    const time = Date.parse(decodeLabels(labels)[EXPIRE] ?? "");
    if (time <= nowMs) database.query("DELETE FROM leases WHERE namespace = ? AND id = ?").run(namespace, id);
  }
}
