/** `<data-root>/skiffd.db`: records of containers, networks and volumes; each service makes its own tables. */
import { Database } from "bun:sqlite";

/** A transaction survives skiffd's death at any moment; a crash of the machine may lose the last ones, which recovery mends. */
export function openDatabase(path: string): Database {
  const database = new Database(path, { create: true, strict: true });
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = NORMAL");
  database.run("PRAGMA busy_timeout = 5000");
  return database;
}
