/**
 * The containers skiffd knows, in memory and in its database; each change is one transaction.
 *
 *     table containers (id TEXT PRIMARY KEY, record TEXT)      -- ContainerRecord as JSON
 *
 * A record that is written is whole: names are reserved in memory before anything else is made, so that two creates cannot take one.
 */
import type { Database } from "bun:sqlite";
import { SkiffError } from "../../lib/errors.ts";
import type { ContainerRecord } from "./container.ts";

/** `after`: undefined when it has been removed. */
export type Watcher = (id: string, after: ContainerRecord | undefined) => void;
export type Change = (container: ContainerRecord) => ContainerRecord;

export class Registry {
  readonly #byId = new Map<string, ContainerRecord>();
  /** Name → id. */
  readonly #names = new Map<string, string>();
  #watcher: Watcher = () => {};
  readonly #save;
  readonly #erase;

  constructor(database: Database) {
    database.run("CREATE TABLE IF NOT EXISTS containers (id TEXT PRIMARY KEY, record TEXT NOT NULL)");
    this.#save = database.prepare("INSERT OR REPLACE INTO containers VALUES (?, ?)");
    this.#erase = database.prepare("DELETE FROM containers WHERE id = ?");
    const rows = database.query<{ record: string }, []>("SELECT record FROM containers").all();
    for (const { record } of rows) {
      const container = JSON.parse(record) as ContainerRecord;
      this.#byId.set(container.id, container);
      this.#names.set(container.name, container.id);
    }
  }

  /** One, told after each change. */
  watch(watcher: Watcher): void {
    this.#watcher = watcher;
  }

  /** Newest first, as `docker ps`. */
  all(): readonly ContainerRecord[] {
    return [...this.#byId.values()].sort((a, b) => (a.created < b.created ? 1 : -1));
  }

  find(id: string): ContainerRecord | undefined {
    return this.#byId.get(id);
  }

  /**
   * By full id, name (with or without slash), or an id's beginning that fits one container only.
   * @throws not_found, invalid_argument in Docker's words.
   */
  get(reference: string): ContainerRecord {
    const exact = this.#byId.get(reference);
    if (exact !== undefined) return exact;
    const named = this.#names.get(reference.startsWith("/") ? reference.slice(1) : reference);
    const byName = named === undefined ? undefined : this.#byId.get(named);
    if (byName !== undefined) return byName;
    const matches = reference === "" ? [] : this.all().filter(({ id }) => id.startsWith(reference));
    if (matches.length > 1)
      throw new SkiffError("invalid_argument", `Multiple IDs found with provided prefix: ${reference}`);
    if (matches[0] !== undefined) return matches[0];
    throw new SkiffError("not_found", `No such container: ${reference}`);
  }

  isNameTaken(name: string): boolean {
    return this.#names.has(name);
  }

  /** @throws already_exists in Docker's words. */
  reserveName(name: string, id: string): void {
    const owner = this.#names.get(name);
    if (owner !== undefined && owner !== id) {
      const text = `Conflict. The container name "/${name}" is already in use by container "${owner}".`;
      throw new SkiffError(
        "already_exists",
        `${text} You have to remove (or rename) that container to be able to reuse that name.`,
      );
    }
    this.#names.set(name, id);
  }

  /** Frees a name that `reserveName` took and no record came to use. */
  releaseName(name: string, id: string): void {
    if (this.#names.get(name) === id && this.#byId.get(id)?.name !== name) this.#names.delete(name);
  }

  put(container: ContainerRecord): void {
    const record = Object.freeze(container);
    this.#save.run(record.id, JSON.stringify(record));
    const before = this.#byId.get(record.id);
    if (before !== undefined && before.name !== record.name) this.#names.delete(before.name);
    this.#byId.set(record.id, record);
    this.#names.set(record.name, record.id);
    this.#watcher(record.id, record);
  }

  /** Changes the newest record of `id` and answers it; undefined when it has gone meanwhile. */
  change(id: string, change: Change): ContainerRecord | undefined {
    const current = this.#byId.get(id);
    if (current === undefined) return undefined;
    const changed = change(current);
    if (changed !== current) this.put(changed);
    return changed;
  }

  remove(id: string): void {
    this.#erase.run(id);
    const container = this.#byId.get(id);
    this.#byId.delete(id);
    if (container !== undefined && this.#names.get(container.name) === id) this.#names.delete(container.name);
    this.#watcher(id, undefined);
  }
}
