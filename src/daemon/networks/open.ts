/** Makes the network service out of the daemon's options: the default bridge, the kernel's switches, the firewall, the user's networks. */
import type { Database } from "bun:sqlite";
import { isIP } from "node:net";
import { linuxKernel } from "../../kernel/linux.ts";
import { NETLINK, openNetlink } from "../../kernel/netlink/socket.ts";
import { openNftables } from "../../kernel/nftables/transaction.ts";
import type { Clock } from "../../lib/clock.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { IdSource } from "../../lib/ids.ts";
import type { EventLog } from "../events/log.ts";
import { ensureBridge } from "./bridge.ts";
import { createFirewall } from "./firewall.ts";
import { createHostPorts } from "./host-ports.ts";
import type { DnsOptions, NetworkService } from "./network.ts";
import { networkEvents } from "./network-events.ts";
import { type AddressPool, checkPools } from "./pools.ts";
import { subnetOf } from "./record.ts";
import { hostResolvConf } from "./resolv-conf.ts";
import { Sandboxes } from "./sandboxes.ts";
import { Networks } from "./service.ts";
import { createNetworkStore, type NetworkStore } from "./store.ts";
import { readText, writeSwitch } from "./switches.ts";
import { NetworkTable, type TableParts } from "./table.ts";
import type { BridgeParts } from "./user-bridge.ts";

export interface NetworkOptions {
  /** `--bridge`: "" is the default, "none" no bridge at all. */
  readonly bridge: string;
  /** `--bip`, "" for none. */
  readonly bip: string;
  /** `--mtu`, 0 is the default. */
  readonly mtu: number;
  /** `--dns`, `--dns-search`, `--dns-opt` */
  readonly dns: DnsOptions;
  /** `--default-address-pool`; absent or none: Docker's. */
  readonly addressPools?: readonly AddressPool[];
  /** Runtime directory; namespaces are named below `netns/`. */
  readonly execRoot: string;
  /** Tells this daemon's bridges from another's: the absolute path of its data root. */
  readonly dataRoot: string;
}

export interface NetworkPartsFromDaemon {
  readonly database: Database;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly events: Pick<EventLog, "publish">;
  /** A line for the daemon's log. */
  readonly log: (message: string) => void;
  /** Runs something again and again until what it answers is called; left out: by the clock of the machine. */
  readonly every?: (intervalMs: number, body: () => void) => () => void;
}

function every(intervalMs: number, body: () => void): () => void {
  const timer = setInterval(body, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

const MTU_DEFAULT = 1500;
/** How long flushed rules may be missing when no container is started meanwhile. A look costs a hundredth of a millisecond per network. */
const HEAL_MS = 2000;
const IP_FORWARD = "/proc/sys/net/ipv4/ip_forward";
const FORWARDING6 = "/proc/sys/net/ipv6/conf/all/forwarding";
const BOOT_ID = "/proc/sys/kernel/random/boot_id";
const RESOLV_CONF = "/etc/resolv.conf";

/**
 * Containers need forwarding. True when it was off before this boot's first skiffd turned it on: then nothing but our bridges may use it, as
 * dockerd does by its FORWARD policy.
 */
function enableForwarding(store: NetworkStore): boolean {
  const boot = readText(BOOT_ID).trim();
  if (readText(IP_FORWARD).trim() !== "1") {
    writeSwitch(IP_FORWARD, "1");
    store.set("forwarding", boot);
  }
  return boot !== "" && store.setting("forwarding") === boot;
}

/** As `enableForwarding`, when the first network with IPv6 is made: most machines have none. */
function enableForwarding6(store: NetworkStore): boolean {
  const boot = readText(BOOT_ID).trim();
  if (readText(FORWARDING6).trim() === "0") {
    writeSwitch(FORWARDING6, "1");
    store.set("forwarding6", boot);
  }
  return boot !== "" && store.setting("forwarding6") === boot;
}

function checkDns({ servers }: DnsOptions): void {
  for (const server of servers)
    if (isIP(server) === 0) throw new SkiffError("invalid_argument", `${server} is not an ip address`);
}

type DefaultBridge = NonNullable<TableParts["bridge"]>;

/** @param only names of all our bridges, when nothing else may be forwarded */
function openBridge(
  options: NetworkOptions,
  { socket, nftables, owner }: BridgeParts,
  store: NetworkStore,
  only: () => readonly string[] | undefined,
): DefaultBridge {
  const link = ensureBridge(socket, {
    ...(options.bridge === "" ? {} : { name: options.bridge }),
    ...(options.bip === "" ? {} : { address: options.bip }),
    mtu: options.mtu || MTU_DEFAULT,
    pools: options.addressPools ?? [],
    taken: store.networks().flatMap(({ bridge }) => (bridge === undefined ? [] : [subnetOf(bridge)])),
    owner,
  });
  writeSwitch(`/proc/sys/net/ipv4/conf/${link.name}/route_localnet`, "1");
  const plan = { icc: true, masquerade: true, internal: false, unprotected: false };
  const firewall = createFirewall(nftables, { bridge: link.name, subnet: link.address, ...plan, only });
  return { link, firewall };
}

/** Our bridges as they come and go, for the rule that nothing else is forwarded. */
interface OwnBridges {
  names: readonly string[];
  changed(): void;
}

function openTable(
  options: NetworkOptions,
  parts: NetworkPartsFromDaemon,
  host: Omit<BridgeParts, "forward6">,
  ours: OwnBridges,
) {
  const store = createNetworkStore(parts.database);
  const onlyOurs = enableForwarding(store);
  const only = () => (onlyOurs ? ours.names : undefined);
  let onlyOurs6 = false;
  const forward6 = () => {
    onlyOurs6 = enableForwarding6(store);
    return () => (onlyOurs6 ? ours.names : undefined);
  };
  const bridges = { ...host, forward6 };
  const bridge = options.bridge === "none" ? undefined : openBridge(options, bridges, store, only);
  const events = networkEvents(parts.events);
  const table = new NetworkTable({
    ...parts,
    ...bridges,
    ...{ store, events },
    ...(bridge === undefined ? {} : { bridge }),
    mtu: options.mtu || MTU_DEFAULT,
    pools: options.addressPools ?? [],
    bridgesChanged(names, rebuild6) {
      ours.names = names;
      if (onlyOurs6) rebuild6();
      if (onlyOurs) ours.changed();
    },
  });
  return { store, events, table };
}

/**
 * @throws when the bridge cannot be had: the daemon does not start then, as dockerd does not.
 */
export function openNetworks(options: NetworkOptions, parts: NetworkPartsFromDaemon): NetworkService {
  checkDns(options.dns);
  checkPools(options.addressPools ?? []);
  const socket = openNetlink(NETLINK.ROUTE);
  const nftables = openNftables();
  const dispose = () => {
    socket.close();
    nftables.close();
  };
  try {
    const bridges = { socket, nftables, owner: `skiffd ${options.dataRoot}` };
    const ours: OwnBridges = { names: [], changed() {} };
    const { store, events, table } = openTable(options, parts, bridges, ours);
    const sandboxes = new Sandboxes({
      ...{ kernel: linuxKernel, store, socket, table, events, dns: options.dns },
      ...{ ids: parts.ids, log: parts.log },
      hostPorts: createHostPorts(),
      netnsDir: `${options.execRoot}/netns`,
      hostFiles: {
        plainResolvConf: () => readText(RESOLV_CONF),
        resolvConf: () => hostResolvConf(),
        hosts: () => readText("/etc/hosts"),
      },
    });
    ours.changed = () => sandboxes.rebuildDefault();
    const stop = (parts.every ?? every)(HEAL_MS, () => sandboxes.heal());
    const end = () => {
      stop();
      dispose();
    };
    return new Networks({ table, sandboxes, events, dispose: end });
  } catch (error) {
    dispose();
    throw error;
  }
}
