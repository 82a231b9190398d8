/**
 * The IPv6 side of a bridge network: its subnet (the user's, or a unique local one of 64 bits, RFC 4193), and which addresses are given out. Ports
 * are not published on IPv6 addresses.
 */
import {
  type Cidr6,
  formatIpv6,
  formatNetwork6,
  networkOf6,
  overlap6,
  parseCidr6,
  parseIpv6,
} from "../../kernel/netlink/ipv6.ts";
import { SkiffError } from "../../lib/errors.ts";
import { isIpv6Config } from "./ipam-config.ts";
import type { IpamConfig } from "./network.ts";
import { forbidden, invalid } from "./words.ts";

export interface Ipv6Plan {
  /** `fd00:1:2:3::/64` */
  readonly subnet: string;
  readonly gateway: string;
  /** "" for none. */
  readonly range: string;
  readonly reserved: readonly string[];
  /** The user has named the subnet. */
  readonly fixed: boolean;
}

const SUBNETS_MAX = 65_536;
const LINK_LOCAL = parseCidr6("fe80::/64");
const MULTICAST = parseCidr6("ff00::/8");

/** @param base /48, this engine's own */
function freeSubnet(base: Cidr6, taken: readonly Cidr6[]): Cidr6 {
  for (let index = 0; index < SUBNETS_MAX; index++) {
    const subnet = { address: networkOf6(base) + (BigInt(index) << 64n), prefix: 64 };
    if (!taken.some((other) => overlap6(other, subnet))) return subnet;
  }
  throw invalid("all predefined address pools have been fully subnetted");
}

/** @throws permission_denied, invalid_argument in Docker's words */
export function planIpv6(
  configs: readonly IpamConfig[],
  context: { readonly base: Cidr6; readonly networks: readonly Cidr6[]; readonly host: readonly Cidr6[] },
): Ipv6Plan {
  const own = configs.filter(isIpv6Config);
  if (own.length > 1) throw forbidden("bridge driver doesn't support multiple subnets");
  const [config = {}] = own;
  const asked = config.Subnet === undefined ? undefined : parseCidr6(config.Subnet);
  if (asked !== undefined) {
    if (context.networks.some((other) => overlap6(other, asked)))
      throw forbidden("invalid pool request: Pool overlaps with other one on this address space");
    if (overlap6(asked, MULTICAST)) throw invalid(`multicast subnet '${config.Subnet}' is not allowed`);
    if (overlap6(asked, LINK_LOCAL) && asked.prefix !== LINK_LOCAL.prefix)
      throw invalid(`'${config.Subnet}' clashes with the Link-Local prefix 'fe80::/64'`);
  }
  const subnet = asked ?? freeSubnet(context.base, [...context.networks, ...context.host]);
  const range = config.IPRange ?? "";
  const reserved = Object.values(config.AuxiliaryAddresses ?? {});
  const start = range === "" ? networkOf6(subnet) : networkOf6(parseCidr6(range));
  const first = start === networkOf6(subnet) ? start + 1n : start;
  const gateway = config.Gateway ?? formatIpv6(first);
  return { subnet: formatNetwork6(subnet), gateway, range, reserved, fixed: asked !== undefined };
}

export function shownConfig6(
  { subnet, gateway, range, reserved }: Ipv6Plan,
  asked: readonly IpamConfig[],
): IpamConfig {
  const auxiliary = asked.find(isIpv6Config)?.AuxiliaryAddresses;
  return {
    Subnet: subnet,
    ...(range === "" ? {} : { IPRange: range }),
    Gateway: gateway,
    ...(auxiliary === undefined || reserved.length === 0 ? {} : { AuxiliaryAddresses: auxiliary }),
  };
}

/** Tried of one subnet at most: it has more addresses than any machine has containers. */
const SEARCH_MAX = 1 << 20;

/** Addresses by network, as the book of IPv4 (addresses.ts). */
export class AddressBook6 {
  readonly #used = new Map<string, Set<bigint>>();

  /** @param wanted "" is any. @throws in Docker's words */
  take(networkId: string, plan: Ipv6Plan, wanted: string): string {
    const used = this.#of(networkId);
    const reserved = new Set([plan.gateway, ...plan.reserved].map((text) => parseIpv6(text)!));
    const subnet = parseCidr6(plan.subnet);
    const isFree = (address: bigint) =>
      address !== networkOf6(subnet) && !used.has(address) && !reserved.has(address);
    const address = wanted === "" ? search(plan, isFree) : parseIpv6(wanted);
    if (address === undefined)
      throw new SkiffError(
        "resource_exhausted",
        "no available IPv6 addresses on this network's address pools",
      );
    if (!overlap6({ address, prefix: 128 }, subnet)) throw invalid("requested address is out of range");
    if (!isFree(address)) throw forbidden("Address already in use");
    used.add(address);
    return formatIpv6(address);
  }

  adopt(networkId: string, ip: string): void {
    const address = parseIpv6(ip);
    if (address !== undefined) this.#of(networkId).add(address);
  }

  give(networkId: string, ip: string): void {
    const address = parseIpv6(ip);
    if (address !== undefined) this.#used.get(networkId)?.delete(address);
  }

  #of(networkId: string): Set<bigint> {
    const known = this.#used.get(networkId) ?? new Set<bigint>();
    this.#used.set(networkId, known);
    return known;
  }
}

function search({ subnet, range }: Ipv6Plan, isFree: (address: bigint) => boolean): bigint | undefined {
  const pool = parseCidr6(range === "" ? subnet : range);
  const first = networkOf6(pool);
  const count = 1n << BigInt(128 - pool.prefix);
  for (let step = 0n; step < count && step < SEARCH_MAX; step++)
    if (isFree(first + step)) return first + step;
  return undefined;
}
