/** The bridge of a network of the user's own in the kernel: interface, address, switches, firewall. Making what is there already changes nothing. */
import { unless } from "../../kernel/errno.ts";
import { addAddress } from "../../kernel/netlink/address.ts";
import { parseIpv4 } from "../../kernel/netlink/ipv4.ts";
import { addAddress6, parseCidr6, parseIpv6 } from "../../kernel/netlink/ipv6.ts";
import { createBridge, deleteLink, setLinkAlias, setLinkUp } from "../../kernel/netlink/link.ts";
import type { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import type { Nftables } from "../../kernel/nftables/transaction.ts";
import { SkiffError } from "../../lib/errors.ts";
import { addressesOf, findLink } from "./bridge.ts";
import { createFirewall, type FirewallOptions } from "./firewall.ts";
import { createFirewall6, type Firewall6 } from "./firewall6.ts";
import { type BridgePlan, type LiveBridge, type NetworkRecord, spaceOf, subnetOf } from "./record.ts";
import { switchIpv6, writeSwitch } from "./switches.ts";

export interface BridgeParts {
  /** Opened in the host's namespace. */
  readonly socket: NetlinkSocket;
  readonly nftables: Nftables;
  /** Marks our interfaces (see bridge.ts). */
  readonly owner: string;
  /** Lets the machine forward IPv6; answers which interfaces may use it (see firewall.ts, `only`). */
  forward6(): FirewallOptions["only"];
}

/** One that the user has made, and named in the options, stays the user's. */
export function isForeignLink({ socket }: BridgeParts, { name }: BridgePlan): boolean {
  return findLink(socket, name) !== undefined;
}

function linkOf({ socket, owner }: BridgeParts, plan: BridgePlan): number {
  const found = findLink(socket, plan.name);
  if (found !== undefined) {
    if (found.kind === "bridge") return found.index;
    throw new SkiffError("failed_precondition", `existing interface ${plan.name} is not a bridge`);
  }
  socket.request([createBridge(plan.name, plan.mtu)]);
  const { index } = findLink(socket, plan.name)!;
  socket.request([setLinkAlias(index, `${owner} network`)]);
  return index;
}

function openIpv6(
  { socket, nftables, forward6 }: BridgeParts,
  index: number,
  { ipv6, gatewayMode }: BridgePlan,
  rules: Omit<FirewallOptions, "subnet" | "only">,
): Firewall6 {
  const subnet = parseCidr6(ipv6!.subnet);
  const address = { address: parseIpv6(ipv6!.gateway)!, prefix: subnet.prefix };
  if (gatewayMode !== "isolated") socket.request([addAddress6(index, address)]);
  const firewall = createFirewall6(nftables, { ...rules, subnet, only: forward6() });
  firewall.rebuild();
  return firewall;
}

/** @throws what the kernel says; the caller removes what is half made. */
export function openUserBridge(parts: BridgeParts, { resource, bridge: plan }: NetworkRecord): LiveBridge {
  if (plan === undefined) throw new SkiffError("internal", `open network ${resource.Name}: no bridge`);
  const { socket, nftables } = parts;
  const index = linkOf(parts, plan);
  const subnet = subnetOf(plan);
  const address = { address: parseIpv4(plan.gateway)!, prefix: subnet.prefix };
  const there = addressesOf(socket, index).some((one) => one.address === address.address);
  if (plan.gatewayMode !== "isolated" && !there) socket.request([addAddress(index, address)]);
  switchIpv6(plan.name, plan.ipv6 !== undefined);
  writeSwitch(`/proc/sys/net/ipv4/conf/${plan.name}/route_localnet`, "1");
  socket.request([setLinkUp(index)]);
  const { name, icc, masquerade, internal, gatewayMode, mtu, own } = plan;
  const unprotected = gatewayMode === "nat-unprotected";
  const rules = { bridge: name, icc, masquerade, internal, unprotected };
  const firewall6 = plan.ipv6 === undefined ? undefined : openIpv6(parts, index, plan, rules);
  const firewall = createFirewall(nftables, {
    ...rules,
    subnet,
    only: () => undefined,
  });
  return {
    ...{ plan, firewall, space: spaceOf(resource, plan) },
    link: { name, index, mtu, address, own },
    ...(firewall6 === undefined ? {} : { firewall6 }),
  };
}

/** What is not there is fine. */
export function removeUserBridge(
  parts: BridgeParts,
  plan: BridgePlan,
  live?: Pick<LiveBridge, "firewall" | "firewall6">,
): void {
  live?.firewall.remove();
  live?.firewall6?.remove();
  const link = plan.own ? findLink(parts.socket, plan.name) : undefined;
  if (link !== undefined) unless(["ENODEV"], () => parts.socket.request([deleteLink(link.index)]));
}
