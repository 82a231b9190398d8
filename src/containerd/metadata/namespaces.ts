/** Namespaces: names with labels, and the rule that a namespace in use cannot be deleted. */
import type { Database } from "bun:sqlite";
import { SkiffError } from "../../lib/errors.ts";
import { checkLabels } from "../core/identifiers.ts";
import { decodeLabels, encodeLabels } from "./database.ts";

export interface Namespace {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface NamespaceStore {
  list(): Namespace[];
  /** A namespace that nobody has made has no labels: clients ask before they use one (containerd answers so). */
  get(name: string): Namespace;
  create(namespace: Namespace): void;
  /** Makes the namespace when it is not there. */
  setLabels(name: string, labels: Readonly<Record<string, string>>): void;
  /** Throws `failed_precondition` while it holds anything. */
  delete(name: string): void;
  /** Whoever makes an object in a namespace calls this in the same transaction: using a namespace makes it. */
  ensure(name: string): void;
}

/** Tables whose rows keep a namespace, by the word used for them in the refusal. */
const HOLDINGS = [
  ["images", "images"],
  ["content", "blobs"],
  ["snapshots", "snapshots"],
  ["containers", "containers"],
  ["leases", "leases"],
] as const;

interface Row {
  readonly name: string;
  readonly labels: string;
}

export function createNamespaceStore(database: Database): NamespaceStore {
  const fromRow = (row: Row): Namespace => ({ name: row.name, labels: decodeLabels(row.labels) });
  const get = (name: string): Namespace => {
    const row = database.query<Row, [string]>("SELECT * FROM namespaces WHERE name = ?").get(name);
    return row === null ? { name, labels: {} } : fromRow(row);
  };
  const insert = "INSERT OR IGNORE INTO namespaces (name, labels) VALUES (?, ?)";
  return {
    get,
    list: () => database.query<Row, []>("SELECT * FROM namespaces ORDER BY name").all().map(fromRow),
    create({ name, labels }) {
      checkLabels(labels);
      const { changes } = database.query(insert).run(name, encodeLabels(labels));
      if (Number(changes) === 0)
        throw new SkiffError("already_exists", `namespace "${name}": already exists`);
    },
    setLabels(name, labels) {
      checkLabels(labels);
      database.query(insert).run(name, "{}");
      database.query("UPDATE namespaces SET labels = ? WHERE name = ?").run(encodeLabels(labels), name);
    },
    delete: database.transaction((name: string) => {
      const held = HOLDINGS.filter(
        ([table]) => database.query(`SELECT 1 FROM ${table} WHERE namespace = ? LIMIT 1`).get(name) !== null,
      ).map(([, word]) => word);
      if (held.length > 0) {
        const message = `namespace "${name}" must be empty, but it still has ${held.join(", ")}`;
        throw new SkiffError("failed_precondition", message);
      }
      const { changes } = database.query("DELETE FROM namespaces WHERE name = ?").run(name);
      if (Number(changes) === 0) throw new SkiffError("not_found", `namespace "${name}": not found`);
    }),
    ensure(name) {
      database.query(insert).run(name, "{}");
    },
  };
}
