/**
 * What the network service keeps, in a database it is handed (`bun:sqlite`):
 *
 *     network_endpoints  container_id (key) · address (number, unique, null without a bridge) · record (Attachment as JSON)
 *     network_settings   name (key) · value: ids and times of the default networks, and what was changed on this boot of the machine
 *
 * Endpoints mean nothing after a reboot (namespaces do not survive it), so the database need not be synced to disk for them. Columns are only
 * ever added.
 */
import type { Database } from "bun:sqlite";
import { parseIpv4 } from "../../kernel/netlink/ipv4.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { Attachment } from "./network.ts";

export interface NetworkStore {
  endpoints(): Attachment[];
  /** Replaces the container's own. @throws internal when another has the address. */
  put(attachment: Attachment): void;
  remove(containerId: string): void;
  setting(name: string): string | undefined;
  set(name: string, value: string): void;
}

const SCHEMA = `
create table if not exists network_endpoints (
  container_id text primary key,
  address integer unique,
  record text not null
) without rowid;
create table if not exists network_settings (name text primary key, value text not null) without rowid;
`;

export function createNetworkStore(database: Database): NetworkStore {
  database.run(SCHEMA);
  const all = database.query<{ record: string }, []>("select record from network_endpoints");
  const drop = database.query("delete from network_endpoints where container_id = ?");
  const insert = database.query(
    "insert into network_endpoints (container_id, address, record) values (?, ?, ?)",
  );
  const find = database.query<{ value: string }, [string]>(
    "select value from network_settings where name = ?",
  );
  const replace = database.query("insert or replace into network_settings (name, value) values (?, ?)");
  const put = database.transaction((attachment: Attachment) => {
    drop.run(attachment.containerId);
    insert.run(attachment.containerId, parseIpv4(attachment.ip) ?? null, JSON.stringify(attachment));
  });
  return {
    endpoints: () => all.all().map(({ record }) => JSON.parse(record) as Attachment),
    put(attachment) {
      try {
        put(attachment);
      } catch (cause) {
        const { name, ip } = attachment;
        throw new SkiffError("internal", `record endpoint of ${name} (${ip}): ${(cause as Error).message}`, {
          cause,
        });
      }
    },
    remove: (containerId) => void drop.run(containerId),
    setting: (name) => find.get(name)?.value,
    set: (name, value) => void replace.run(name, value),
  };
}
