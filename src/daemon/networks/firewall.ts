/**
 * The bridge's firewall: one nftables table `ip skiff-<bridge>` of our own, made, filled and emptied in whole transactions.
 *
 *     prerouting, output   destination is this machine → `publish`: looked up in a map, sent on to the container
 *     postrouting          container → elsewhere: masquerade. Redirected from 127.0.0.1, or back to the same bridge: masquerade, so that
 *                          the answers come back this way and not directly
 *     forward              to the bridge: answers, redirected connections and neighbours only; the rest is dropped, so an unpublished port
 *                          cannot be reached by whoever routes to the bridge's subnet (moby#48721)
 *     guard                route_localnet lets packets for 127.0.0.0/8 into the bridge's interface: none from the outside may (CVE-2020-8558)
 *
 * Publishing a port is adding one element to a map, whatever the number of ports (0.1 ms). A port published on 127.0.0.1 is only reached from
 * this machine (moby#45610). IPv6 is missing: ports are published on IPv4 addresses only.
 *
 * In nftables a packet must be accepted by every base chain, so a FORWARD policy of drop, which dockerd and ufw set by iptables-nft, would stop
 * our packets: two rules in front of that chain, marked by a comment, let ours through to our own chain, which decides. A legacy (xtables)
 * FORWARD policy and firewalld's zones are beyond what nftables lets us change.
 */

import { type Cidr, ipv4Bytes, parseCidr } from "../../kernel/netlink/ipv4.ts";
import { be16, type Request, u8 } from "../../kernel/netlink/message.ts";
import * as match from "../../kernel/nftables/expressions.ts";
import {
  addChain,
  addElements,
  addMap,
  addTable,
  appendRule,
  type BaseChain,
  deleteElements,
  deleteRule,
  deleteTable,
  insertRule,
  type MapElement,
  type MapShape,
} from "../../kernel/nftables/objects.ts";
import type { Nftables } from "../../kernel/nftables/transaction.ts";

export interface FirewallOptions {
  readonly bridge: string;
  readonly subnet: Cidr;
  /** Containers of this bridge may talk to each other. */
  readonly icc: boolean;
  /** Behind the host's address when they talk to the world. */
  readonly masquerade: boolean;
  /** No way out and no way in. */
  readonly internal: boolean;
  /** Ports that are not published are reached from outside, too. */
  readonly unprotected: boolean;
  /**
   * This machine forwarded nothing before we came: it must not begin to forward between interfaces that are no bridges of ours. These are,
   * and this one may be among them; undefined: it forwarded already.
   */
  readonly only: () => readonly string[] | undefined;
}

/** A port of a container made reachable at a port of the host. */
export interface Publication {
  readonly protocol: "tcp" | "udp";
  /** 0 is every address of the host. */
  readonly hostIp: number;
  readonly hostPort: number;
  readonly containerIp: number;
  readonly containerPort: number;
}

export interface Firewall {
  publish(list: readonly Publication[]): void;
  withdraw(list: readonly Publication[]): void;
  /** Makes everything anew, in one transaction, with exactly these ports. */
  rebuild(list: readonly Publication[]): void;
  /** Somebody has changed rules since our last transaction. Cheap. */
  isTouched(): boolean;
  /** Ours is whole and nobody else's policy stops it; asked when it `isTouched`. */
  isIntact(): boolean;
  remove(): void;
}

const LOOPBACK = parseCidr("127.0.0.0/8");
const PROTOCOLS = { tcp: 6, udp: 17 } as const;
const FOREIGN = { table: "filter", chain: "FORWARD" } as const;
const CHAINS: Readonly<Record<string, BaseChain>> = {
  guard: { type: "filter", hook: "prerouting", priority: -300 },
  prerouting: { type: "nat", hook: "prerouting", priority: -100 },
  output: { type: "nat", hook: "output", priority: -100 },
  postrouting: { type: "nat", hook: "postrouting", priority: 100 },
  forward: { type: "filter", hook: "forward", priority: 0 },
};

function mapsOf(table: string): { byAddress: MapShape; anywhere: MapShape } {
  const value = ["ipv4_addr", "inet_service"] as const;
  return {
    byAddress: { table, name: "published", key: ["inet_proto", "ipv4_addr", "inet_service"], value },
    anywhere: { table, name: "published-anywhere", key: ["inet_proto", "inet_service"], value },
  };
}

function elementOf(port: Publication): MapElement {
  const protocol = u8(PROTOCOLS[port.protocol]);
  const hostPort = be16(port.hostPort);
  return {
    key: port.hostIp === 0 ? [protocol, hostPort] : [protocol, ipv4Bytes(port.hostIp), hostPort],
    value: [ipv4Bytes(port.containerIp), be16(port.containerPort)],
  };
}

type Rule = readonly [chain: string, expressions: readonly match.Expression[]];

export function forwardRules({
  bridge,
  icc,
  internal,
  unprotected,
  only,
}: Omit<FirewallOptions, "subnet">): Rule[] {
  const { comesFrom, comesNotFrom, leavesBy, leavesNotBy, accept, drop } = match;
  const ours = only()?.filter((name) => name !== bridge);
  if (internal)
    return [
      ["forward", [...comesFrom(bridge), ...leavesNotBy(bridge), ...drop()]],
      ["forward", [...leavesBy(bridge), ...comesNotFrom(bridge), ...drop()]],
    ];
  return [
    ["forward", [...leavesBy(bridge), ...match.isEstablished(), ...accept()]],
    ["forward", [...leavesBy(bridge), ...match.wasRedirected(), ...accept()]],
    ...(icc ? [] : [["forward", [...leavesBy(bridge), ...comesFrom(bridge), ...drop()]] as const]),
    ...(unprotected ? [] : [["forward", [...leavesBy(bridge), ...comesNotFrom(bridge), ...drop()]] as const]),
    ...(ours === undefined
      ? []
      : [
          ...ours.flatMap((name): Rule[] => [
            ["forward", [...comesFrom(name), ...accept()]],
            ["forward", [...leavesBy(name), ...accept()]],
          ]),
          ["forward", [...comesNotFrom(bridge), ...leavesNotBy(bridge), ...drop()]] as const,
        ]),
  ];
}

function rulesOf(options: FirewallOptions): readonly Rule[] {
  const { bridge, subnet, masquerade, internal } = options;
  const { comesFrom, comesNotFrom, leavesBy, leavesNotBy, sourceIn, destinationIn } = match;
  const behindHost = match.masquerade;
  return [
    ["guard", [...comesFrom(bridge), ...destinationIn(LOOPBACK), ...match.drop()]],
    ["prerouting", [...comesNotFrom("lo"), ...destinationIn(LOOPBACK), ...match.leave()]],
    ["prerouting", [...match.destinationIsLocal(), ...match.jump("publish")]],
    ["output", [...match.destinationIsLocal(), ...match.jump("publish")]],
    ["publish", match.redirectBy("published", true)],
    ["publish", match.redirectBy("published-anywhere", false)],
    ...(masquerade && !internal
      ? [["postrouting", [...leavesNotBy(bridge), ...sourceIn(subnet), ...behindHost()]] as const]
      : []),
    ["postrouting", [...leavesBy(bridge), ...sourceIn(LOOPBACK), ...behindHost()]],
    ["postrouting", [...leavesBy(bridge), ...sourceIn(subnet), ...match.wasRedirected(), ...behindHost()]],
    ...forwardRules(options),
  ];
}

function build(
  table: string,
  options: FirewallOptions,
  list: readonly Publication[],
  exists: boolean,
): Request[] {
  const { byAddress, anywhere } = mapsOf(table);
  const chains = Object.entries(CHAINS).map(([name, base]) => addChain(table, name, base));
  return [
    // Deleting what is not there fails, and is slow (10 ms).
    ...(exists ? [deleteTable(table)] : []),
    addTable(table),
    ...[addMap(byAddress, 1), addMap(anywhere, 2), ...chains, addChain(table, "publish")],
    ...rulesOf(options).map(([chain, expressions]) => appendRule({ table, chain, expressions })),
    ...changes(table, list, (map, ports) => addElements(map, ports.map(elementOf))),
  ];
}

function changes(
  table: string,
  list: readonly Publication[],
  change: (map: MapShape, ports: readonly Publication[]) => Request,
): Request[] {
  const { byAddress, anywhere } = mapsOf(table);
  const groups: readonly (readonly [MapShape, readonly Publication[]])[] = [
    [byAddress, list.filter((port) => port.hostIp !== 0)],
    [anywhere, list.filter((port) => port.hostIp === 0)],
  ];
  return groups.filter(([, ports]) => ports.length > 0).map(([map, ports]) => change(map, ports));
}

export function createFirewall(nftables: Nftables, options: FirewallOptions): Firewall {
  const table = `skiff-${options.bridge}`;
  let seen = -1;
  const commit = (requests: readonly Request[]): void => {
    if (requests.length === 0) return;
    nftables.commit(requests);
    seen = nftables.generation();
  };
  const ourForeignRules = () =>
    nftables.chain(FOREIGN.table, FOREIGN.chain) === undefined
      ? []
      : nftables.rules(FOREIGN.table, FOREIGN.chain).filter(({ comment }) => comment === table);
  const stopsUs = () => nftables.chain(FOREIGN.table, FOREIGN.chain)?.accepts === false;
  const letThrough = (): Request[] => [
    ...ourForeignRules().map(({ handle }) => deleteRule(FOREIGN.table, FOREIGN.chain, handle)),
    ...(stopsUs()
      ? [match.comesFrom(options.bridge), match.leavesBy(options.bridge)].map((side) =>
          insertRule({ ...FOREIGN, expressions: [...side, ...match.accept()], comment: table }),
        )
      : []),
  ];
  return {
    publish: (list) => commit(changes(table, list, (map, ports) => addElements(map, ports.map(elementOf)))),
    withdraw: (list) =>
      commit(
        changes(table, list, (map, ports) =>
          deleteElements(
            map,
            ports.map((port) => elementOf(port).key),
          ),
        ),
      ),
    rebuild: (list) => commit([...build(table, options, list, nftables.hasTable(table)), ...letThrough()]),
    isTouched: () => nftables.generation() !== seen,
    isIntact() {
      const generation = nftables.generation();
      const intact = nftables.hasTable(table) && (!stopsUs() || ourForeignRules().length === 2);
      if (intact) seen = generation;
      return intact;
    },
    remove() {
      const foreign = ourForeignRules().map(({ handle }) => deleteRule(FOREIGN.table, FOREIGN.chain, handle));
      commit([addTable(table), deleteTable(table), ...foreign]);
    },
  };
}
