/** The networks there are: the default ones, and those the user has made, each with its bridge and firewall. */
import { listAddresses, parseAddress } from "../../kernel/netlink/address.ts";
import { type Cidr, formatIpv4, formatNetwork } from "../../kernel/netlink/ipv4.ts";
import { type Cidr6, listAddresses6, parseAddress6 } from "../../kernel/netlink/ipv6.ts";
import { listRoutes, parseRoute } from "../../kernel/netlink/route.ts";
import { type Clock, rfc3339Nano } from "../../lib/clock.ts";
import { isSkiffError, messageOf, SkiffError } from "../../lib/errors.ts";
import type { IdSource } from "../../lib/ids.ts";
import type { Filters } from "../containers/filters.ts";
import type { Bridge } from "./bridge.ts";
import { parseCreateRequest } from "./create-request.ts";
import { matchesPrune } from "./filters.ts";
import type { Firewall } from "./firewall.ts";
import type { NetworkEvents } from "./network-events.ts";
import { planNetwork } from "./plan.ts";
import type { AddressPool } from "./pools.ts";
import { type BridgePlan, type LiveBridge, type LiveNetwork, type NetworkRecord, spaceOf } from "./record.ts";
import { bridgeNetwork, findNetwork, plainNetwork } from "./resources.ts";
import type { NetworkStore } from "./store.ts";
import { type BridgeParts, isForeignLink, openUserBridge, removeUserBridge } from "./user-bridge.ts";
import { forbidden } from "./words.ts";

export interface TableParts extends BridgeParts {
  readonly store: NetworkStore;
  /** Absent with `--bridge none`. */
  readonly bridge?: { readonly link: Bridge; readonly firewall: Firewall };
  readonly mtu: number;
  readonly pools: readonly AddressPool[];
  readonly events: NetworkEvents;
  readonly ids: IdSource;
  readonly clock: Clock;
  /** A line for the daemon's log. */
  readonly log: (message: string) => void;
  /** The set of our bridges has changed. */
  readonly bridgesChanged: (names: readonly string[], rebuild6: () => void) => void;
}

/** Identity of a default network, the same for ever. */
function identityOf({ store, ids, clock }: TableParts, name: string) {
  const known = store.setting(`network:${name}`);
  if (known !== undefined) return JSON.parse(known) as { id: string; created: string };
  const identity = { id: ids.hex(32), created: rfc3339Nano(clock.nowNs()) };
  store.set(`network:${name}`, JSON.stringify(identity));
  return identity;
}

function defaultPlan({ name, mtu, address, own }: Bridge): BridgePlan {
  return {
    ...{ name, mtu, own, icc: true, masquerade: true, internal: false, fixed: false },
    ...{ hostBinding: "0.0.0.0", gatewayMode: "nat", interfacePrefix: "eth", range: "", reserved: [] },
    subnet: formatNetwork(address),
    gateway: formatIpv4(address.address),
  };
}

function defaultNetworks(parts: TableParts): LiveNetwork[] {
  const plain = (["host", "none"] as const).map((name) => ({
    resource: plainNetwork(name, identityOf(parts, name)),
    predefined: true,
  }));
  if (parts.bridge === undefined) return plain;
  const { link, firewall } = parts.bridge;
  const resource = bridgeNetwork(link, identityOf(parts, "bridge"));
  const plan = defaultPlan(link);
  const bridge = { plan, link, firewall, space: spaceOf(resource, plan) };
  return [{ resource, predefined: true, plan, bridge }, ...plain];
}

/** A unique local prefix (RFC 4193) of this engine's own, drawn once. */
function base6Of({ store, ids }: TableParts): Cidr6 {
  const known = store.setting("ipv6-base") ?? ids.hex(5);
  store.set("ipv6-base", known);
  return { address: BigInt(`0xfd${known}`) << 80n, prefix: 48 };
}

export class NetworkTable {
  readonly #parts: TableParts;
  #networks: readonly LiveNetwork[];

  constructor(parts: TableParts) {
    this.#parts = parts;
    const own = parts.store.networks().map((record) => this.#reopen(record));
    this.#networks = [...defaultNetworks(parts), ...own];
    this.#bridgesChanged();
  }

  all(): readonly LiveNetwork[] {
    return this.#networks;
  }

  find(reference: string): LiveNetwork {
    return findNetwork(this.#networks, reference);
  }

  byId(id: string): LiveNetwork | undefined {
    return this.#networks.find(({ resource }) => resource.Id === id);
  }

  create(body: Readonly<Record<string, unknown>>): NetworkRecord["resource"] {
    const { store, ids, clock, mtu, pools, events } = this.#parts;
    const planned = planNetwork(parseCreateRequest(body), {
      ...{ mtu, pools, id: ids.hex(32), created: rfc3339Nano(clock.nowNs()) },
      networks: this.#networks.map(asRecord),
      base6: base6Of(this.#parts),
      taken: () => this.#taken(),
      taken6: () => this.#parts.socket.dump(listAddresses6()).flatMap((one) => parseAddress6(one) ?? []),
    });
    const { resource, bridge } = planned;
    const record = bridge === undefined ? planned : { resource, bridge: this.#owned(bridge) };
    store.putNetwork(record);
    try {
      const made = this.#open(record);
      made.bridge?.firewall.rebuild([]);
      this.#networks = [...this.#networks, made];
    } catch (error) {
      this.#forget(record);
      throw error;
    }
    this.#bridgesChanged();
    events.publish("create", resource);
    return resource;
  }

  /** @param users names of the containers connected to it */
  remove(network: LiveNetwork, users: readonly string[]): void {
    const { resource, predefined, bridge } = network;
    const { Name, Id } = resource;
    if (predefined) throw forbidden(`${Name} is a pre-defined network and cannot be removed`);
    const fail = (text: string) => forbidden(`error while removing network: ${text}`);
    if (users.length > 0) throw fail(`network ${Name} id ${Id} has active endpoints`);
    const dependent = this.#networks.some((other) => other.resource.ConfigFrom.Network === Name);
    if (resource.ConfigOnly && dependent) throw fail(`configuration network "${Name}" is in use`);
    this.#networks = this.#networks.filter((other) => other !== network);
    this.#forget(asRecord(network), bridge);
    this.#bridgesChanged();
    this.#parts.events.publish("destroy", resource);
  }

  /** Those that may go, oldest first. */
  prunable(filters: Filters, isUsed: (id: string) => boolean): readonly LiveNetwork[] {
    const now = this.#parts.clock.now();
    return this.#networks.filter(
      ({ resource, predefined }) =>
        !predefined && !resource.ConfigOnly && !isUsed(resource.Id) && matchesPrune(resource, filters, now),
    );
  }

  /** The daemon ends: bridges that no container uses go, and come back at the next start. */
  close(isUsed: (id: string) => boolean): void {
    for (const { resource, bridge } of this.#networks)
      if (bridge !== undefined && !isUsed(resource.Id)) removeUserBridge(this.#parts, bridge.plan, bridge);
  }

  #open(record: NetworkRecord): LiveNetwork {
    const { resource, bridge: plan } = record;
    if (plan === undefined) return { resource, predefined: false };
    return { resource, predefined: false, plan, bridge: openUserBridge(this.#parts, record) };
  }

  /** One that cannot be made again does not keep the daemon from starting; containers cannot be connected to it. */
  #reopen(record: NetworkRecord): LiveNetwork {
    try {
      return this.#open(record);
    } catch (error) {
      this.#parts.log(`open network ${record.resource.Name}: ${messageOf(error)}`);
      const { resource, bridge: plan } = record;
      return { resource, predefined: false, ...(plan === undefined ? {} : { plan }) };
    }
  }

  #owned(plan: BridgePlan): BridgePlan {
    return { ...plan, own: !isForeignLink(this.#parts, plan) };
  }

  #forget({ resource, bridge }: NetworkRecord, live?: LiveBridge): void {
    if (bridge !== undefined) removeUserBridge(this.#parts, bridge, live);
    this.#parts.store.removeNetwork(resource.Id);
  }

  #taken(): Cidr[] {
    const { socket } = this.#parts;
    const routes = socket.dump(listRoutes()).flatMap((message) => parseRoute(message) ?? []);
    return [...socket.dump(listAddresses()).map(parseAddress), ...routes];
  }

  #bridgesChanged(): void {
    // Each of these has rules that name all our bridges.
    const rebuild = () => this.#networks.forEach(({ bridge }) => void bridge?.firewall6?.rebuild());
    this.#parts.bridgesChanged(
      this.#networks.flatMap(({ bridge }) => bridge?.link.name ?? []),
      rebuild,
    );
  }
}

function asRecord({ resource, plan }: LiveNetwork): NetworkRecord {
  return plan === undefined ? { resource } : { resource, bridge: plan };
}

/** A network whose bridge can be used. @throws when it could not be made at the start */
export function bridgeOf({ resource, bridge }: LiveNetwork): NonNullable<LiveNetwork["bridge"]> {
  if (bridge !== undefined) return bridge;
  if (resource.ConfigOnly) throw forbidden("cannot create endpoint on configuration-only network");
  throw new SkiffError("internal", `network ${resource.Name} (${resource.Id}) has no bridge`);
}

export const isNotFound = (error: unknown): boolean => isSkiffError(error) && error.code === "not_found";
