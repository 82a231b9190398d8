/** Records of containers, kept as the messages they came as. */
import type { Database } from "bun:sqlite";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { type Container, ContainerSchema } from "../../contracts/containerd/gen/containers_pb.ts";
import { timestampOf } from "../../contracts/containerd/timestamps.ts";
import type { Clock } from "../../lib/clock.ts";
import { SkiffError } from "../../lib/errors.ts";
import { checkIdentifier, checkLabels } from "../core/identifiers.ts";
import type { NamespaceStore } from "./namespaces.ts";

export interface ContainerStore {
  list(namespace: string): Container[];
  /** Throws `not_found`. */
  get(namespace: string, id: string): Container;
  /** Sets both times. Throws `already_exists`. */
  create(namespace: string, container: Container): Container;
  /** Replaces a record in one transaction with what `change` answers; sets the time of the update. */
  update(namespace: string, id: string, change: (before: Container) => Container): Container;
  delete(namespace: string, id: string): void;
}

interface Row {
  readonly record: Uint8Array;
}

function check(container: Container): void {
  const invalid = (message: string) => new SkiffError("invalid_argument", message);
  checkIdentifier(container.id, "container");
  checkLabels(container.labels);
  if ((container.runtime?.name ?? "") === "") throw invalid("container.Runtime.Name must be set");
  if (container.snapshotKey !== "" && container.snapshotter === "") {
    throw invalid("container.Snapshotter must be set if container.SnapshotKey is set");
  }
  if (Object.hasOwn(container.extensions, ""))
    throw invalid("container.Extensions keys must not be zero-length");
}

export function createContainerStore(
  database: Database,
  namespaces: NamespaceStore,
  clock: Clock,
): ContainerStore {
  const find = (namespace: string, id: string): Container => {
    const row = database
      .query<Row, [string, string]>("SELECT record FROM containers WHERE namespace = ? AND id = ?")
      .get(namespace, id);
    if (row === null) {
      throw new SkiffError("not_found", `container "${id}" in namespace "${namespace}": not found`);
    }
    return fromBinary(ContainerSchema, row.record);
  };
  const now = () => create(TimestampSchema, timestampOf(clock.nowNs())!);
  const encode = (container: Container) => toBinary(ContainerSchema, container);
  return {
    get: find,
    list: (namespace) =>
      database
        .query<Row, [string]>("SELECT record FROM containers WHERE namespace = ? ORDER BY id")
        .all(namespace)
        .map((row) => fromBinary(ContainerSchema, row.record)),
    create: database.transaction((namespace: string, container: Container) => {
      check(container);
      const time = now();
      const made: Container = { ...container, createdAt: time, updatedAt: time };
      namespaces.ensure(namespace);
      const { changes } = database
        .query("INSERT OR IGNORE INTO containers (namespace, id, record) VALUES (?, ?, ?)")
        .run(namespace, container.id, encode(made));
      if (Number(changes) === 0)
        throw new SkiffError("already_exists", `container "${container.id}": already exists`);
      return made;
    }),
    update: database.transaction(
      (namespace: string, id: string, change: (before: Container) => Container) => {
        const before = find(namespace, id);
        const after: Container = { ...change(before), id, createdAt: before.createdAt, updatedAt: now() };
        check(after);
        database
          .query("UPDATE containers SET record = ? WHERE namespace = ? AND id = ?")
          .run(encode(after), namespace, id);
        return after;
      },
    ),
    delete(namespace, id) {
      const { changes } = database
        .query("DELETE FROM containers WHERE namespace = ? AND id = ?")
        .run(namespace, id);
      if (Number(changes) === 0) {
        throw new SkiffError("not_found", `container "${id}" in namespace "${namespace}": not found`);
      }
    },
  };
}
