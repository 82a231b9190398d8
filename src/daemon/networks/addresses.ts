/** IP address management: which addresses of which network are given out. The lowest free one comes first, as Docker gives them out. */

import { type Cidr, formatIpv4, maskOf, networkOf, parseIpv4 } from "../../kernel/netlink/ipv4.ts";
import { SkiffError } from "../../lib/errors.ts";
import { forbidden } from "./words.ts";

export interface AddressSpace {
  readonly networkId: string;
  /** For messages. */
  readonly name: string;
  readonly subnet: Cidr;
  /** Only these are given out unasked; absent: all of the subnet. */
  readonly range?: Cidr;
  /** The gateway's, and those set aside by the user. */
  readonly reserved: readonly number[];
}

function limits(cidr: Cidr): readonly [number, number] {
  const first = networkOf(cidr);
  return [first, first + (~maskOf(cidr.prefix) >>> 0)];
}

/** Neither the subnet's own address nor its broadcast. */
export function isHostAddress(subnet: Cidr, address: number): boolean {
  const [first, last] = limits(subnet);
  return address > first && address < last;
}

/** @throws resource_exhausted in Docker's words */
export function lowestFree(space: AddressSpace, used: ReadonlySet<number>): number {
  const { subnet, range, reserved, name, networkId } = space;
  const [first, last] = limits(range ?? subnet);
  for (let address = first; address <= last; address++) {
    if (isHostAddress(subnet, address) && !used.has(address) && !reserved.includes(address)) return address;
  }
  throw new SkiffError(
    "resource_exhausted",
    `no available IPv4 addresses on this network's address pools: ${name} (${networkId})`,
  );
}

/** Docker's MAC for an address: the same address has the same MAC again, so no neighbour's ARP table is ever wrong. */
export function macOf(address: number): string {
  const bytes = formatIpv4(address)
    .split(".")
    .map((part) => Number(part).toString(16).padStart(2, "0"));
  return ["02", "42", ...bytes].join(":");
}

export class AddressBook {
  readonly #used = new Map<string, Set<number>>();

  /** @param wanted "" is any. @throws in Docker's words */
  take(space: AddressSpace, wanted: string): number {
    const used = this.#of(space.networkId);
    const address = wanted === "" ? lowestFree(space, used) : this.#exact(space, used, wanted);
    used.add(address);
    return address;
  }

  /** At the start: what the records say. */
  adopt(networkId: string, ip: string): void {
    const address = parseIpv4(ip);
    if (address !== undefined) this.#of(networkId).add(address);
  }

  give(networkId: string, ip: string): void {
    const address = parseIpv4(ip);
    if (address !== undefined) this.#used.get(networkId)?.delete(address);
  }

  forget(networkId: string): void {
    this.#used.delete(networkId);
  }

  #of(networkId: string): Set<number> {
    const known = this.#used.get(networkId) ?? new Set<number>();
    this.#used.set(networkId, known);
    return known;
  }

  #exact({ subnet, reserved }: AddressSpace, used: ReadonlySet<number>, wanted: string): number {
    const address = parseIpv4(wanted);
    if (address === undefined)
      throw new SkiffError("invalid_argument", `invalid endpoint settings:\ninvalid IPv4 address: ${wanted}`);
    if (used.has(address) || reserved.includes(address)) throw forbidden("Address already in use");
    if (!isHostAddress(subnet, address))
      throw new SkiffError("invalid_argument", "requested address is out of range");
    return address;
  }
}
