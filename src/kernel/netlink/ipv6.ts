/** IPv6 addresses and networks as bigints, and what rtnetlink is asked about them: linux/if_addr.h, linux/rtnetlink.h. */
import { isIP } from "node:net";
import { SkiffError } from "../../lib/errors.ts";
import { parseIpv4 } from "./ipv4.ts";
import {
  attribute,
  type Bytes,
  concat,
  type Message,
  NLM_F,
  parseAttributes,
  type Request,
  u8,
  u32,
} from "./message.ts";

const BITS = 128;
const GROUPS = 8;

export interface Cidr6 {
  readonly address: bigint;
  readonly prefix: number;
}

function groupsOf(part: string): number[] {
  if (part === "") return [];
  return part.split(":").flatMap((group) => {
    if (!group.includes(".")) return [Number.parseInt(group, 16)];
    const ip = parseIpv4(group) ?? 0;
    return [ip >>> 16, ip & 0xffff];
  });
}

/** undefined when it is none, or has a zone. */
export function parseIpv6(text: string): bigint | undefined {
  if (isIP(text) !== 6 || text.includes("%")) return undefined;
  const [head = "", tail] = text.split("::");
  const [first, last] = [groupsOf(head), groupsOf(tail ?? "")];
  const zeros = Array.from({ length: GROUPS - first.length - last.length }, () => 0);
  return [...first, ...zeros, ...last].reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
}

/** As RFC 5952: lower case, the longest run of zeros left out. */
export function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: GROUPS }, (_, index) =>
    Number((value >> BigInt(16 * (GROUPS - 1 - index))) & 0xffffn).toString(16),
  );
  const whole = groups.join(":");
  const runs = [...whole.matchAll(/(?:^|(?<=:))0(?::0)+(?=:|$)/g)];
  const longest = runs.toSorted(
    (one, other) => other[0].length - one[0].length || one.index - other.index,
  )[0];
  if (longest === undefined) return whole;
  const before = whole.slice(0, longest.index).replace(/:$/, "");
  const after = whole.slice(longest.index + longest[0].length).replace(/^:/, "");
  return `${before}::${after}`;
}

export function maskOf6(prefix: number): bigint {
  return ((1n << BigInt(prefix)) - 1n) << BigInt(BITS - prefix);
}

export const networkOf6 = ({ address, prefix }: Cidr6): bigint => address & maskOf6(prefix);

export const formatNetwork6 = (cidr: Cidr6): string => `${formatIpv6(networkOf6(cidr))}/${cidr.prefix}`;

export function overlap6(one: Cidr6, other: Cidr6): boolean {
  return ((one.address ^ other.address) & maskOf6(Math.min(one.prefix, other.prefix))) === 0n;
}

/** @throws invalid_argument */
export function parseCidr6(text: string): Cidr6 {
  const [address = "", prefix = "", ...rest] = text.split("/");
  const value = parseIpv6(address);
  if (value === undefined || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > BITS)
    throw new SkiffError("invalid_argument", `invalid CIDR address: ${text}`);
  return { address: value, prefix: Number(prefix) };
}

export function ipv6Bytes(value: bigint): Bytes {
  return Uint8Array.from({ length: 16 }, (_, index) => Number((value >> BigInt(8 * (15 - index))) & 0xffn));
}

const AF_INET6 = 10;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const IFA_ADDRESS = 1;
/** The address is used at once: nobody else on the link can have it. */
const IFA_F_NODAD = 2;
const RTA = Object.freeze({ OIF: 4, GATEWAY: 5 });

function addressInfo(index: number, prefix: number, flags: number): Bytes {
  return concat([u8(AF_INET6), u8(prefix), u8(flags), u8(0), u32(index)]);
}

export function addAddress6(index: number, { address, prefix }: Cidr6): Request {
  return {
    type: RTM_NEWADDR,
    flags: NLM_F.CREATE | NLM_F.REPLACE,
    body: concat([addressInfo(index, prefix, IFA_F_NODAD), attribute(IFA_ADDRESS, ipv6Bytes(address))]),
    action: `add address ${formatIpv6(address)}/${prefix} to interface ${index}`,
  };
}

export function listAddresses6(): Request {
  return { type: RTM_GETADDR, flags: 0, body: addressInfo(0, 0, 0), action: "list IPv6 addresses" };
}

/** undefined for what is no IPv6 address. */
export function parseAddress6({ type, body }: Message): (Cidr6 & { readonly index: number }) | undefined {
  if (type !== RTM_NEWADDR || body.length < 8 || body[0] !== AF_INET6) return undefined;
  const bytes = parseAttributes(body.subarray(8)).get(IFA_ADDRESS);
  if (bytes?.length !== 16) return undefined;
  const address = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return { address, prefix: body[1]!, index: new DataView(body.buffer, body.byteOffset).getUint32(4, true) };
}

/** struct rtmsg: main table, boot protocol, unicast */
const DEFAULT_ROUTE = concat([u8(AF_INET6), u8(0), u8(0), u8(0), u8(254), u8(3), u8(0), u8(1), u32(0)]);

/** Instead of whichever there is. */
export function replaceDefaultRoute6(index: number, gateway: bigint): Request {
  return {
    type: RTM_NEWROUTE,
    flags: NLM_F.CREATE | NLM_F.REPLACE,
    body: concat([DEFAULT_ROUTE, attribute(RTA.GATEWAY, ipv6Bytes(gateway)), attribute(RTA.OIF, u32(index))]),
    action: `add default route by ${formatIpv6(gateway)}`,
  };
}

/** Fails with ESRCH when there is none. */
export function deleteDefaultRoute6(): Request {
  return { type: RTM_DELROUTE, flags: 0, body: DEFAULT_ROUTE, action: "delete default IPv6 route" };
}
