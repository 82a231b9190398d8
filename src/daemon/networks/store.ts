/**
 * What the network service keeps, in a database it is handed (`bun:sqlite`):
 *
 *     networks           id (key) · name (unique) · record (NetworkRecord as JSON): those of the user's own
 *     network_sandboxes  container_id (key) · record (Attachment as JSON)
 *     network_addresses  network_id, address (key) · container_id: what the sandboxes' endpoints have, so that none is given out twice
 *     network_settings   name (key) · value: ids and times of the default networks, and what was changed on this boot of the machine
 *
 * Sandboxes mean nothing after a reboot (namespaces do not survive it), so the database need not be synced to disk for them. Columns are only
 * ever added.
 */
import type { Database } from "bun:sqlite";
import { parseIpv4 } from "../../kernel/netlink/ipv4.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { Attachment, Endpoint } from "./network.ts";
import type { NetworkRecord } from "./record.ts";

export interface NetworkStore {
  networks(): NetworkRecord[];
  putNetwork(record: NetworkRecord): void;
  removeNetwork(id: string): void;
  attachments(): Attachment[];
  /** Replaces the container's own. @throws internal when another has one of the addresses. */
  put(attachment: Attachment): void;
  remove(containerId: string): void;
  setting(name: string): string | undefined;
  set(name: string, value: string): void;
}

const SCHEMA = `
create table if not exists networks (id text primary key, name text not null unique, record text not null) without rowid;
create table if not exists network_sandboxes (container_id text primary key, record text not null) without rowid;
create table if not exists network_addresses (
  network_id text not null,
  address integer not null,
  container_id text not null,
  primary key (network_id, address)
) without rowid;
create table if not exists network_settings (name text primary key, value text not null) without rowid;
`;

/** IPv4 as numbers, IPv6 as text. */
function addressesOf(
  endpoints: readonly Endpoint[],
): (readonly [networkId: string, address: number | string])[] {
  return endpoints.flatMap(({ networkId, ip, ip6 }) =>
    [parseIpv4(ip), ip6].flatMap((one) =>
      one === undefined || one === "" ? [] : [[networkId, one] as const],
    ),
  );
}

/** A delete that finds nothing costs as much as one that does: what each container has on disk is known here. */
function sandboxStatements(database: Database, first: readonly Attachment[]) {
  const held = new Map(first.map(({ containerId, endpoints }) => [containerId, endpoints]));
  const drop = database.query("delete from network_sandboxes where container_id = ?");
  const free = database.query("delete from network_addresses where network_id = ? and address = ?");
  const insert = database.query("insert into network_sandboxes (container_id, record) values (?, ?)");
  const take = database.query(
    "insert into network_addresses (network_id, address, container_id) values (?, ?, ?)",
  );
  const clear = (containerId: string) => {
    const before = held.get(containerId);
    if (before === undefined) return;
    for (const [networkId, address] of addressesOf(before)) free.run(networkId, address);
    drop.run(containerId);
  };
  const remove = database.transaction(clear);
  const put = database.transaction((attachment: Attachment) => {
    const { containerId, endpoints } = attachment;
    clear(containerId);
    insert.run(containerId, JSON.stringify(attachment));
    for (const [networkId, address] of addressesOf(endpoints)) take.run(networkId, address, containerId);
  });
  return {
    remove(containerId: string) {
      remove(containerId);
      held.delete(containerId);
    },
    put(attachment: Attachment) {
      put(attachment);
      held.set(attachment.containerId, attachment.endpoints);
    },
  };
}

function parsed<T>(rows: readonly { readonly record: string }[]): T[] {
  return rows.map(({ record }) => JSON.parse(record) as T);
}

export function createNetworkStore(database: Database): NetworkStore {
  database.run(SCHEMA);
  const list = (table: string) => database.query<{ record: string }, []>(`select record from ${table}`);
  const [allNetworks, allSandboxes] = [list("networks"), list("network_sandboxes")];
  const sandboxes = sandboxStatements(database, parsed<Attachment>(allSandboxes.all()));
  const find = database.query<{ value: string }, [string]>(
    "select value from network_settings where name = ?",
  );
  const replace = database.query("insert or replace into network_settings (name, value) values (?, ?)");
  const putNetwork = database.query("insert or replace into networks (id, name, record) values (?, ?, ?)");
  const removeNetwork = database.query("delete from networks where id = ?");
  return {
    networks: () => parsed<NetworkRecord>(allNetworks.all()),
    putNetwork: (record) =>
      void putNetwork.run(record.resource.Id, record.resource.Name, JSON.stringify(record)),
    removeNetwork: (id) => void removeNetwork.run(id),
    attachments: () => parsed<Attachment>(allSandboxes.all()),
    put(attachment) {
      try {
        sandboxes.put(attachment);
      } catch (cause) {
        const { name, endpoints } = attachment;
        const addresses = endpoints.map(({ ip }) => ip).join(", ");
        const text = `record endpoints of ${name} (${addresses}): ${(cause as Error).message}`;
        throw new SkiffError("internal", text, { cause });
      }
    },
    remove: (containerId) => void sandboxes.remove(containerId),
    setting: (name) => find.get(name)?.value,
    set: (name, value) => void replace.run(name, value),
  };
}
