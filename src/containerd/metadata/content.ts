/** Which namespace sees which blob, and with what labels. The bytes are plugins/content's. */
import type { Database } from "bun:sqlite";
import type { Clock } from "../../lib/clock.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { BlobInfo } from "../core/content.ts";
import { checkLabels } from "../core/identifiers.ts";
import { decodeLabels, encodeLabels } from "./database.ts";
import { withoutEmpty } from "./labels.ts";
import type { NamespaceStore } from "./namespaces.ts";

type Labels = Readonly<Record<string, string>>;

export interface NewBlob {
  readonly digest: string;
  readonly size: number;
  readonly labels: Labels;
  /** "" for none. */
  readonly lease: string;
}

export interface ContentRecords {
  find(namespace: string, digest: string): BlobInfo | undefined;
  list(namespace: string): BlobInfo[];
  /** Size of a blob that any namespace has committed. */
  size(digest: string): number | undefined;
  /** One transaction: blob, the namespace's view of it, the lease's hold on it. @throws not_found (lease), already_exists: then the lease holds it, too */
  add(namespace: string, blob: NewBlob): void;
  /** The lease keeps the blob. @throws not_found (lease) */
  hold(namespace: string, lease: string, digest: string): void;
  setLabels(namespace: string, digest: string, labels: Labels): void;
  /** False: there was none. */
  remove(namespace: string, digest: string): boolean;
  /** Digests that no namespace sees any more, but those in use; their rows are gone afterwards. */
  takeUnseen(inUse: ReadonlySet<string>): string[];
}

interface Row {
  readonly digest: string;
  readonly size: bigint;
  readonly labels: string;
  readonly created_at: bigint;
  readonly updated_at: bigint;
}

const SELECT = "SELECT content.*, blobs.size FROM content JOIN blobs USING (digest) WHERE namespace = ?";

function fromRow(row: Row): BlobInfo {
  const { digest, size, created_at, updated_at } = row;
  const labels = decodeLabels(row.labels);
  return { digest, size: Number(size), labels, createdAtNs: created_at, updatedAtNs: updated_at };
}

export function createContentRecords(
  database: Database,
  namespaces: NamespaceStore,
  clock: Clock,
): ContentRecords {
  const hold = (namespace: string, lease: string, digest: string): void => {
    const found = database.query("SELECT 1 FROM leases WHERE namespace = ? AND id = ?").get(namespace, lease);
    if (found === null) throw new SkiffError("not_found", `lease "${lease}": not found`);
    database
      .query("INSERT OR IGNORE INTO lease_resources (namespace, lease, type, id) VALUES (?, ?, 'content', ?)")
      .run(namespace, lease, digest);
  };
  /** False: the namespace sees it already. */
  const insert = database.transaction(
    (namespace: string, { digest, size, labels, lease }: NewBlob): boolean => {
      checkLabels(labels);
      namespaces.ensure(namespace);
      const now = clock.nowNs();
      database.query("INSERT OR IGNORE INTO blobs (digest, size) VALUES (?, ?)").run(digest, size);
      const { changes } = database
        .query(
          "INSERT OR IGNORE INTO content (namespace, digest, labels, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
        )
        .run(namespace, digest, encodeLabels(withoutEmpty(labels)), now, now);
      if (lease !== "") hold(namespace, lease, digest);
      return Number(changes) > 0;
    },
  );
  return {
    hold,
    find(namespace, digest) {
      const row = database.query<Row, [string, string]>(`${SELECT} AND digest = ?`).get(namespace, digest);
      return row === null ? undefined : fromRow(row);
    },
    list: (namespace) =>
      database.query<Row, [string]>(`${SELECT} ORDER BY digest`).all(namespace).map(fromRow),
    size(digest) {
      const row = database
        .query<{ size: bigint }, [string]>("SELECT size FROM blobs WHERE digest = ?")
        .get(digest);
      return row === null ? undefined : Number(row.size);
    },
    add(namespace, blob) {
      if (!insert(namespace, blob))
        throw new SkiffError("already_exists", `content ${blob.digest}: already exists`);
    },
    setLabels(namespace, digest, labels) {
      checkLabels(labels);
      database
        .query("UPDATE content SET labels = ?, updated_at = ? WHERE namespace = ? AND digest = ?")
        .run(encodeLabels(withoutEmpty(labels)), clock.nowNs(), namespace, digest);
    },
    remove(namespace, digest) {
      const { changes } = database
        .query("DELETE FROM content WHERE namespace = ? AND digest = ?")
        .run(namespace, digest);
      return Number(changes) > 0;
    },
    takeUnseen: database.transaction((inUse: ReadonlySet<string>) => {
      const unseen = database
        .query<{ digest: string }, []>(
          "SELECT digest FROM blobs WHERE digest NOT IN (SELECT digest FROM content)",
        )
        .all()
        .map(({ digest }) => digest)
        .filter((digest) => !inUse.has(digest));
      for (const digest of unseen) database.query("DELETE FROM blobs WHERE digest = ?").run(digest);
      return unseen;
    }),
  };
}
