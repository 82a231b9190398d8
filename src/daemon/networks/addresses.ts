/** IP address management of one subnet: the lowest free address, as Docker gives them out. */

import { type Cidr, formatIpv4, formatNetwork, maskOf, networkOf } from "../../kernel/netlink/ipv4.ts";
import { SkiffError } from "../../lib/errors.ts";

/** @throws resource_exhausted in Docker's words */
export function lowestFree(network: Cidr, used: ReadonlySet<number>): number {
  const first = networkOf(network) + 1;
  const broadcast = networkOf(network) + (~maskOf(network.prefix) >>> 0);
  for (let address = first; address < broadcast; address++) {
    if (address !== network.address && !used.has(address)) return address;
  }
  throw new SkiffError(
    "resource_exhausted",
    `no available IPv4 addresses on this network's address pools: bridge (${formatNetwork(network)})`,
  );
}

/** Docker's MAC for an address: the same address has the same MAC again, so no neighbour's ARP table is ever wrong. */
export function macOf(address: number): string {
  const bytes = formatIpv4(address)
    .split(".")
    .map((part) => Number(part).toString(16).padStart(2, "0"));
  return ["02", "42", ...bytes].join(":");
}
