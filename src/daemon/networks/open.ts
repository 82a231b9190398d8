/** Makes the network service out of the daemon's options: the bridge, the kernel's switches, the firewall. */
import type { Database } from "bun:sqlite";
import { readFileSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { linuxKernel } from "../../kernel/linux.ts";
import { NETLINK, openNetlink } from "../../kernel/netlink/socket.ts";
import { openNftables } from "../../kernel/nftables/transaction.ts";
import type { Clock } from "../../lib/clock.ts";
import { SkiffError, wrap } from "../../lib/errors.ts";
import type { IdSource } from "../../lib/ids.ts";
import { type Bridge, ensureBridge } from "./bridge.ts";
import { createFirewall } from "./firewall.ts";
import { createHostPorts } from "./host-ports.ts";
import type { DnsOptions, NetworkService } from "./network.ts";
import { hostResolvConf } from "./resolv-conf.ts";
import { DefaultNetworks } from "./service.ts";
import { createNetworkStore, type NetworkStore } from "./store.ts";

export interface NetworkOptions {
  /** `--bridge`: "" is the default, "none" no bridge at all. */
  readonly bridge: string;
  /** `--bip`, "" for none. */
  readonly bip: string;
  /** `--mtu`, 0 is the default. */
  readonly mtu: number;
  /** `--dns`, `--dns-search`, `--dns-opt` */
  readonly dns: DnsOptions;
  /** Runtime directory; namespaces are named below `netns/`. */
  readonly execRoot: string;
  /** Tells this daemon's bridge from another's: the absolute path of its data root. */
  readonly dataRoot: string;
}

export interface NetworkPartsFromDaemon {
  readonly database: Database;
  readonly ids: IdSource;
  readonly clock: Clock;
  /** A line for the daemon's log. */
  readonly log: (message: string) => void;
}

const MTU_DEFAULT = 1500;
const IP_FORWARD = "/proc/sys/net/ipv4/ip_forward";
const BOOT_ID = "/proc/sys/kernel/random/boot_id";

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function writeSwitch(path: string, value: string): void {
  if (readText(path).trim() === value) return;
  try {
    writeFileSync(path, value);
  } catch (error) {
    throw wrap(error, `set ${path} to ${value}`);
  }
}

/**
 * Containers need forwarding. True when it was off before this boot's first skiffd turned it on: then nothing but the bridge may use it, as dockerd
 * does by its FORWARD policy.
 */
function enableForwarding(store: NetworkStore): boolean {
  const boot = readText(BOOT_ID).trim();
  if (readText(IP_FORWARD).trim() !== "1") {
    writeSwitch(IP_FORWARD, "1");
    store.set("forwarding", boot);
  }
  return boot !== "" && store.setting("forwarding") === boot;
}

function checkDns({ servers }: DnsOptions): void {
  for (const server of servers)
    if (isIP(server) === 0) throw new SkiffError("invalid_argument", `${server} is not an ip address`);
}

/**
 * @throws when the bridge cannot be had: the daemon does not start then, as dockerd does not.
 */
export function openNetworks(options: NetworkOptions, parts: NetworkPartsFromDaemon): NetworkService {
  checkDns(options.dns);
  const store = createNetworkStore(parts.database);
  const socket = openNetlink(NETLINK.ROUTE);
  const nftables = openNftables();
  const openBridge = (): { link: Bridge; firewall: ReturnType<typeof createFirewall> } => {
    const link = ensureBridge(socket, {
      ...(options.bridge === "" ? {} : { name: options.bridge }),
      ...(options.bip === "" ? {} : { address: options.bip }),
      mtu: options.mtu || MTU_DEFAULT,
      owner: `skiffd ${options.dataRoot}`,
    });
    writeSwitch(`/proc/sys/net/ipv4/conf/${link.name}/route_localnet`, "1");
    const onlyBridge = enableForwarding(store);
    const firewall = createFirewall(nftables, { bridge: link.name, subnet: link.address, onlyBridge });
    return { link, firewall };
  };
  const dispose = () => {
    socket.close();
    nftables.close();
  };
  try {
    return new DefaultNetworks({
      ...parts,
      ...{ kernel: linuxKernel, store, socket, dispose, dns: options.dns },
      ...(options.bridge === "none" ? {} : { bridge: openBridge() }),
      hostPorts: createHostPorts(),
      netnsDir: `${options.execRoot}/netns`,
      hostFiles: { resolvConf: () => hostResolvConf(), hosts: () => readText("/etc/hosts") },
    });
  } catch (error) {
    dispose();
    throw error;
  }
}
