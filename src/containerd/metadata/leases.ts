/** Leases and what they hold. */
import type { Database } from "bun:sqlite";
import type { Clock } from "../../lib/clock.ts";
import { SkiffError } from "../../lib/errors.ts";
import { checkLabels } from "../core/identifiers.ts";
import { decodeLabels, encodeLabels } from "./database.ts";
import type { NamespaceStore } from "./namespaces.ts";

export interface Lease {
  readonly id: string;
  readonly createdAtNs: bigint;
  readonly labels: Readonly<Record<string, string>>;
}

/** `type`: `content` (id a digest), `ingests` (a ref), `snapshots/<snapshotter>` (a key), `images` (a name). */
export interface LeaseResource {
  readonly type: string;
  readonly id: string;
}

export interface LeaseStore {
  list(namespace: string): Lease[];
  create(namespace: string, id: string, labels: Readonly<Record<string, string>>): Lease;
  delete(namespace: string, id: string): void;
  /** Adding twice is adding once. Throws `not_found` without the lease. */
  add(namespace: string, lease: string, resource: LeaseResource): void;
  remove(namespace: string, lease: string, resource: LeaseResource): void;
  resources(namespace: string, lease: string): LeaseResource[];
}

interface Row {
  readonly id: string;
  readonly created_at: bigint;
  readonly labels: string;
}

const ID_LENGTH_MAX = 1024;
const TYPES = /^(content|ingests|images|snapshots\/.+)$/;

export function createLeaseStore(database: Database, namespaces: NamespaceStore, clock: Clock): LeaseStore {
  const require = (namespace: string, id: string): void => {
    const found = database.query("SELECT 1 FROM leases WHERE namespace = ? AND id = ?").get(namespace, id);
    if (found === null) throw new SkiffError("not_found", `lease "${id}": not found`);
  };
  const checkType = (type: string): void => {
    if (!TYPES.test(type)) throw new SkiffError("unimplemented", `resource type ${type} not supported yet`);
  };
  return {
    list: (namespace) =>
      database
        .query<Row, [string]>("SELECT id, created_at, labels FROM leases WHERE namespace = ? ORDER BY id")
        .all(namespace)
        .map((row) => ({ id: row.id, createdAtNs: row.created_at, labels: decodeLabels(row.labels) })),
    create: database.transaction(
      (namespace: string, id: string, labels: Readonly<Record<string, string>>) => {
        // Any text, as with containerd: ctr's ids are base64, which may end with `_`.
        if (id === "" || id.length > ID_LENGTH_MAX)
          throw new SkiffError("invalid_argument", "lease id must be provided");
        checkLabels(labels);
        const createdAtNs = clock.nowNs();
        namespaces.ensure(namespace);
        const { changes } = database
          .query("INSERT OR IGNORE INTO leases (namespace, id, labels, created_at) VALUES (?, ?, ?, ?)")
          .run(namespace, id, encodeLabels(labels), createdAtNs);
        if (Number(changes) === 0) throw new SkiffError("already_exists", `lease "${id}": already exists`);
        return { id, createdAtNs, labels };
      },
    ),
    delete(namespace, id) {
      const { changes } = database
        .query("DELETE FROM leases WHERE namespace = ? AND id = ?")
        .run(namespace, id);
      if (Number(changes) === 0) throw new SkiffError("not_found", `lease "${id}": not found`);
    },
    add: database.transaction((namespace: string, lease: string, { type, id }: LeaseResource) => {
      checkType(type);
      require(namespace, lease);
      database
        .query("INSERT OR IGNORE INTO lease_resources (namespace, lease, type, id) VALUES (?, ?, ?, ?)")
        .run(namespace, lease, type, id);
    }),
    remove(namespace, lease, { type, id }) {
      checkType(type);
      require(namespace, lease);
      database
        .query("DELETE FROM lease_resources WHERE namespace = ? AND lease = ? AND type = ? AND id = ?")
        .run(namespace, lease, type, id);
    },
    resources(namespace, lease) {
      require(namespace, lease);
      return database
        .query<LeaseResource, [string, string]>(
          "SELECT type, id FROM lease_resources WHERE namespace = ? AND lease = ? ORDER BY type, id",
        )
        .all(namespace, lease);
    },
  };
}
