/**
 * `<root>/metadata.db`: everything skiff-containerd must remember over a reboot, but blobs and snapshot trees themselves.
 *
 *     namespaces (name)                          labels
 *     ├── containers (namespace, id)             image, runtime, spec, extensions, snapshot key, labels
 *     ├── images (namespace, name)               target descriptor, labels
 *     ├── content (namespace, digest)            labels: which namespace may see which blob
 *     ├── snapshots (namespace, snapshotter, key) parent's key, kind, labels; `id` names the directory snapshots/<id>
 *     └── leases (namespace, id)                 labels
 *         └── lease_resources (lease, type, id)  type is `content`, `ingests` or `snapshots/<snapshotter>`
 *     blobs (digest)                             size: what lies in blobs/, whichever namespaces see it
 *
 * Labels and descriptors are JSON; times are nanoseconds since the epoch (INTEGER, so read with `safeIntegers`).
 * Objects do not reference `namespaces` by a foreign key: as in containerd a namespace need not have been created to be used.
 *
 * Migration rule: a schema change appends one entry to MIGRATIONS and never edits an older one. `user_version` counts the entries
 * applied; each is applied in one transaction. A database newer than this program is refused, not guessed at.
 *
 * WAL with synchronous=NORMAL: after SIGKILL nothing is lost; after a power cut the newest transactions may be, never consistency.
 */
import { Database } from "bun:sqlite";
import { SkiffError, wrap } from "../../lib/errors.ts";

const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE namespaces (name TEXT PRIMARY KEY, labels TEXT NOT NULL) WITHOUT ROWID;

  CREATE TABLE containers (
    namespace TEXT NOT NULL, id TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (namespace, id)
  ) WITHOUT ROWID;

  CREATE TABLE images (
    namespace TEXT NOT NULL, name TEXT NOT NULL,
    target TEXT NOT NULL, labels TEXT NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, name)
  ) WITHOUT ROWID;

  CREATE TABLE blobs (digest TEXT PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID;

  CREATE TABLE content (
    namespace TEXT NOT NULL, digest TEXT NOT NULL REFERENCES blobs,
    labels TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, digest)
  ) WITHOUT ROWID;
  CREATE INDEX content_by_digest ON content (digest);

  CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace TEXT NOT NULL, snapshotter TEXT NOT NULL, key TEXT NOT NULL,
    parent TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('view', 'active', 'committed')),
    labels TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    size INTEGER NOT NULL DEFAULT 0, inodes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (namespace, snapshotter, key)
  );
  CREATE INDEX snapshots_by_parent ON snapshots (namespace, snapshotter, parent);

  CREATE TABLE leases (
    namespace TEXT NOT NULL, id TEXT NOT NULL,
    labels TEXT NOT NULL, created_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, id)
  ) WITHOUT ROWID;

  CREATE TABLE lease_resources (
    namespace TEXT NOT NULL, lease TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (namespace, lease, type, id),
    FOREIGN KEY (namespace, lease) REFERENCES leases (namespace, id) ON DELETE CASCADE
  ) WITHOUT ROWID;
  CREATE INDEX lease_resources_by_id ON lease_resources (namespace, type, id);
  `,
];

/** Opens or makes the database and brings its schema up to date. Integers are read as bigint. */
export function openDatabase(path: string): Database {
  let database: Database;
  try {
    database = new Database(path, { create: true, strict: true, safeIntegers: true });
    database.run("PRAGMA journal_mode = WAL");
    database.run("PRAGMA synchronous = NORMAL");
    database.run("PRAGMA foreign_keys = ON");
    database.run("PRAGMA busy_timeout = 5000");
  } catch (error) {
    throw wrap(error, `open metadata ${path}`);
  }
  migrate(database, path);
  return database;
}

function migrate(database: Database, path: string): void {
  const row = database.query("PRAGMA user_version").get() as { user_version: bigint };
  const applied = Number(row.user_version);
  if (applied > MIGRATIONS.length) {
    throw new SkiffError("failed_precondition", `open metadata ${path}: written by a newer version of Skiff`);
  }
  for (let index = applied; index < MIGRATIONS.length; index++) {
    database.transaction(() => {
      database.run(MIGRATIONS[index]!);
      database.run(`PRAGMA user_version = ${index + 1}`);
    })();
  }
}

/** Labels as stored; the order of keys is kept. */
export function encodeLabels(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(labels);
}

export function decodeLabels(text: string): Record<string, string> {
  return JSON.parse(text) as Record<string, string>;
}
