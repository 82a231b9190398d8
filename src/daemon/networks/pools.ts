/** Which subnet a bridge of ours gets when nobody says. */

import { type Cidr, overlap, parseCidr } from "../../kernel/netlink/ipv4.ts";
import { SkiffError } from "../../lib/errors.ts";

/** Docker's default address pools: 172.17.0.0/16 … 172.31.0.0/16, then 192.168.0.0/20 …; the bridge's own address is the first of each. */
export function defaultPools(): Cidr[] {
  const wide = Array.from({ length: 15 }, (_, index) => parseCidr(`172.${17 + index}.0.1/16`));
  const narrow = Array.from({ length: 16 }, (_, index) => parseCidr(`192.168.${16 * index}.1/20`));
  return [...wide, ...narrow];
}

/** The first that no address and no route of this machine overlaps; a default route does not count. */
export function freePool(taken: readonly Cidr[]): Cidr {
  const relevant = taken.filter(({ prefix }) => prefix > 0);
  const pool = defaultPools().find((candidate) => !relevant.some((other) => overlap(candidate, other)));
  if (pool === undefined)
    throw new SkiffError(
      "resource_exhausted",
      "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
    );
  return pool;
}
