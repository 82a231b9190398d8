/** The volumes skiffd knows, in memory and in its database; each change is one transaction. */
import type { Database } from "bun:sqlite";

export interface VolumeRecord {
  readonly name: string;
  readonly driver: "local";
  /** RFC 3339, whole seconds. */
  readonly created: string;
  /** null: none were given by `run -v`. */
  readonly labels: Readonly<Record<string, string>> | null;
  readonly options: Readonly<Record<string, string>> | null;
}

export interface VolumeTable {
  get(name: string): VolumeRecord | undefined;
  /** By name. */
  all(): readonly VolumeRecord[];
  put(volume: VolumeRecord): void;
  remove(name: string): void;
}

export function openVolumeTable(database: Database): VolumeTable {
  database.run("CREATE TABLE IF NOT EXISTS volumes (name TEXT PRIMARY KEY, record TEXT NOT NULL)");
  const save = database.prepare("INSERT OR REPLACE INTO volumes VALUES (?, ?)");
  const erase = database.prepare("DELETE FROM volumes WHERE name = ?");
  const rows = database.query<{ record: string }, []>("SELECT record FROM volumes").all();
  const volumes = new Map(
    rows.map(({ record }) => JSON.parse(record) as VolumeRecord).map((volume) => [volume.name, volume]),
  );
  return {
    get: (name) => volumes.get(name),
    all: () => [...volumes.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    put(volume) {
      save.run(volume.name, JSON.stringify(volume));
      volumes.set(volume.name, Object.freeze(volume));
    },
    remove(name) {
      erase.run(name);
      volumes.delete(name);
    },
  };
}
