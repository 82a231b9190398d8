/** Which subnet a bridge of ours gets when nobody says. */

import { type Cidr, formatIpv4, maskOf, networkOf, overlap, parseCidr } from "../../kernel/netlink/ipv4.ts";
import { SkiffError } from "../../lib/errors.ts";

/** `--default-address-pool base=…,size=…`: subnets of `size` bits are cut from `base`. */
export interface AddressPool {
  readonly base: string;
  readonly size: number;
}

/** Docker's: 172.17.0.0/16 … 172.31.0.0/16, then 192.168.0.0/20 … */
const DEFAULTS: readonly AddressPool[] = [
  ...Array.from({ length: 15 }, (_, index) => ({ base: `172.${17 + index}.0.0/16`, size: 16 })),
  { base: "192.168.0.0/16", size: 20 },
];

/** Tried at most of one pool: 10.0.0.0/8 in pieces of /24 has 65536. */
const PIECES_MAX = 1 << 18;

/** @throws invalid_argument in dockerd's words */
export function checkPools(pools: readonly AddressPool[]): void {
  for (const { base, size } of pools) {
    const { prefix } = parseCidr(base);
    if (!Number.isInteger(size) || size < prefix || size > 30)
      throw new SkiffError("invalid_argument", `invalid address pools list: pool ${base}, size ${size}`);
  }
}

function* piecesOf({ base, size }: AddressPool): Generator<Cidr> {
  const whole = parseCidr(base);
  const count = Math.min(2 ** (size - whole.prefix), PIECES_MAX);
  const step = 2 ** (32 - size);
  const first = (networkOf(whole) & maskOf(size)) >>> 0;
  for (let index = 0; index < count; index++) yield { address: first + index * step + 1, prefix: size };
}

/**
 * The first that no address and no route of this machine overlaps; a default route does not count. The address is the bridge's own, the first.
 * @param pools none: Docker's
 */
export function freePool(taken: readonly Cidr[], pools: readonly AddressPool[] = []): Cidr {
  const relevant = taken.filter(({ prefix }) => prefix > 0);
  for (const pool of pools.length > 0 ? pools : DEFAULTS)
    for (const candidate of piecesOf(pool))
      if (!relevant.some((other) => overlap(candidate, other))) return candidate;
  throw new SkiffError("invalid_argument", "all predefined address pools have been fully subnetted");
}

/** The gateway's address when nobody names one: the first of the range, or of the subnet. */
export function firstAddress(subnet: Cidr, range: Cidr | undefined, reserved: readonly number[]): number {
  let address = range === undefined ? networkOf(subnet) : networkOf(range);
  if (address === networkOf(subnet)) address++;
  while (reserved.includes(address)) address++;
  if ((address & maskOf(subnet.prefix)) >>> 0 !== networkOf(subnet))
    throw new SkiffError(
      "invalid_argument",
      `failed to allocate gateway (): no available addresses on this pool: ${formatIpv4(address)}`,
    );
  return address;
}
