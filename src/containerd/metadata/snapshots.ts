/** Records of snapshots: names, parents, kinds and labels. The trees are the snapshotters'; `id` names a tree's directory. */
import type { Database } from "bun:sqlite";
import type { Clock } from "../../lib/clock.ts";
import { SkiffError } from "../../lib/errors.ts";
import { checkLabels } from "../core/identifiers.ts";
import type { SnapshotInfo, SnapshotKind, SnapshotUsage } from "../core/snapshots.ts";
import { decodeLabels, encodeLabels } from "./database.ts";
import type { NamespaceStore } from "./namespaces.ts";

type Labels = Readonly<Record<string, string>>;

export interface SnapshotRecord extends SnapshotInfo {
  readonly id: string;
  readonly usage: SnapshotUsage;
}

export interface NewSnapshot {
  readonly key: string;
  /** "" for none. */
  readonly parent: string;
  readonly kind: "active" | "view";
  readonly labels: Labels;
  /** "" for none. */
  readonly lease: string;
}

export interface CommitSnapshot {
  readonly name: string;
  readonly key: string;
  readonly labels: Labels;
  readonly lease: string;
  readonly usage: SnapshotUsage;
}

/** Of one snapshotter. */
export interface SnapshotRecords {
  /** @throws not_found */
  get(namespace: string, key: string): SnapshotRecord;
  list(namespace: string): SnapshotRecord[];
  /** Ids of the trees below, the nearest first. */
  parents(namespace: string, record: SnapshotInfo): string[];
  /** @throws already_exists, not_found (parent, lease), invalid_argument (parent not committed) */
  add(namespace: string, snapshot: NewSnapshot): SnapshotRecord;
  /** The active snapshot `key`, when it may become `name`. @throws already_exists, not_found, failed_precondition (not active) */
  committable(namespace: string, name: string, key: string): SnapshotRecord;
  commit(namespace: string, commit: CommitSnapshot): void;
  setLabels(namespace: string, key: string, labels: Labels): void;
  /** @throws not_found, failed_precondition (it has children) */
  remove(namespace: string, key: string): SnapshotRecord;
  /** Ids of all namespaces. */
  ids(): ReadonlySet<string>;
}

interface Row {
  readonly id: bigint;
  readonly key: string;
  readonly parent: string;
  readonly kind: SnapshotKind;
  readonly labels: string;
  readonly created_at: bigint;
  readonly updated_at: bigint;
  readonly size: bigint;
  readonly inodes: bigint;
}

function fromRow(row: Row): SnapshotRecord {
  return {
    ...{ id: String(row.id), name: row.key, parent: row.parent, kind: row.kind },
    ...{ labels: decodeLabels(row.labels), createdAtNs: row.created_at, updatedAtNs: row.updated_at },
    usage: { size: Number(row.size), inodes: Number(row.inodes) },
  };
}

export interface SnapshotRecordsParts {
  readonly database: Database;
  readonly namespaces: NamespaceStore;
  readonly clock: Clock;
}

/** The name a snapshot is made for. */
const TARGET = "containerd.io/snapshot.ref";

export function createSnapshotRecords(
  snapshotter: string,
  { database, namespaces, clock }: SnapshotRecordsParts,
): SnapshotRecords {
  const WHERE = "WHERE namespace = ? AND snapshotter = ?";
  const find = (namespace: string, key: string): SnapshotRecord | undefined => {
    const row = database
      .query<Row, [string, string, string]>(`SELECT * FROM snapshots ${WHERE} AND key = ?`)
      .get(namespace, snapshotter, key);
    return row === null ? undefined : fromRow(row);
  };
  const get = (namespace: string, key: string): SnapshotRecord => {
    const found = find(namespace, key);
    if (found === undefined) throw new SkiffError("not_found", `snapshot ${key} does not exist: not found`);
    return found;
  };
  const checkParent = (namespace: string, parent: string): void => {
    if (parent === "") return;
    const kind = find(namespace, parent)?.kind;
    if (kind === undefined)
      throw new SkiffError("not_found", `parent snapshot ${parent} does not exist: not found`);
    if (kind !== "committed") {
      const message = `failed to create snapshot: parent ${JSON.stringify(parent)} is not committed snapshot`;
      throw new SkiffError("invalid_argument", `${message}: invalid argument`);
    }
  };
  const committable = (namespace: string, name: string, key: string): SnapshotRecord => {
    if (name === "") throw new SkiffError("invalid_argument", "snapshot name must not be empty");
    if (find(namespace, name) !== undefined)
      throw new SkiffError("already_exists", `snapshot ${JSON.stringify(name)}: already exists`);
    const record = get(namespace, key);
    if (record.kind !== "active")
      throw new SkiffError(
        "failed_precondition",
        `failed to commit snapshot: snapshot ${JSON.stringify(key)} is not active: failed precondition`,
      );
    return record;
  };
  const hold = (namespace: string, lease: string, key: string): void => {
    if (lease === "") return;
    const known = database.query("SELECT 1 FROM leases WHERE namespace = ? AND id = ?").get(namespace, lease);
    if (known === null) throw new SkiffError("not_found", `lease "${lease}": not found`);
    database
      .query("INSERT OR IGNORE INTO lease_resources (namespace, lease, type, id) VALUES (?, ?, ?, ?)")
      .run(namespace, lease, `snapshots/${snapshotter}`, key);
  };
  const children = (namespace: string, key: string): boolean =>
    database
      .query(`SELECT 1 FROM snapshots ${WHERE} AND parent = ? LIMIT 1`)
      .get(namespace, snapshotter, key) !== null;
  return {
    get,
    committable,
    list: (namespace) =>
      database
        .query<Row, [string, string]>(`SELECT * FROM snapshots ${WHERE} ORDER BY key`)
        .all(namespace, snapshotter)
        .map(fromRow),
    parents(namespace, { parent }) {
      const ids: string[] = [];
      for (let name = parent; name !== ""; ) {
        const record = get(namespace, name);
        ids.push(record.id);
        name = record.parent;
      }
      return ids;
    },
    add: database.transaction((namespace: string, { key, parent, kind, labels, lease }: NewSnapshot) => {
      checkLabels(labels);
      if (key === "") throw new SkiffError("invalid_argument", "snapshot key must not be empty");
      if (find(namespace, key) !== undefined)
        throw new SkiffError("already_exists", `snapshot ${JSON.stringify(key)}: already exists`);
      // Who unpacks says what it is to become: nothing to do when that is there.
      const target = labels[TARGET] ?? "";
      if (target !== "" && find(namespace, target) !== undefined)
        throw new SkiffError("already_exists", `target snapshot ${JSON.stringify(target)}: already exists`);
      checkParent(namespace, parent);
      namespaces.ensure(namespace);
      const now = clock.nowNs();
      database
        .query(
          `INSERT INTO snapshots (namespace, snapshotter, key, parent, kind, labels, created_at, updated_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(namespace, snapshotter, key, parent, kind, encodeLabels(labels), now, now);
      hold(namespace, lease, key);
      return get(namespace, key);
    }),
    commit: database.transaction((namespace: string, { name, key, labels, lease, usage }: CommitSnapshot) => {
      checkLabels(labels);
      const record = committable(namespace, name, key);
      const now = clock.nowNs();
      database
        .query(
          "UPDATE snapshots SET key = ?, kind = 'committed', labels = ?, created_at = ?, updated_at = ?, size = ?, inodes = ? WHERE id = ?",
        )
        .run(name, encodeLabels(labels), now, now, usage.size, usage.inodes, record.id);
      database
        .query("DELETE FROM lease_resources WHERE namespace = ? AND type = ? AND id = ?")
        .run(namespace, `snapshots/${snapshotter}`, key);
      hold(namespace, lease, name);
    }),
    setLabels(namespace, key, labels) {
      checkLabels(labels);
      database
        .query("UPDATE snapshots SET labels = ?, updated_at = ? WHERE id = ?")
        .run(encodeLabels(labels), clock.nowNs(), get(namespace, key).id);
    },
    remove: database.transaction((namespace: string, key: string) => {
      const record = get(namespace, key);
      if (children(namespace, key))
        throw new SkiffError("failed_precondition", `cannot remove snapshot with child: failed precondition`);
      database.query("DELETE FROM snapshots WHERE id = ?").run(record.id);
      database
        .query("DELETE FROM lease_resources WHERE namespace = ? AND type = ? AND id = ?")
        .run(namespace, `snapshots/${snapshotter}`, key);
      return record;
    }),
    ids: () =>
      new Set(
        database
          .query<{ id: bigint }, [string]>("SELECT id FROM snapshots WHERE snapshotter = ?")
          .all(snapshotter)
          .map((row) => String(row.id)),
      ),
  };
}
