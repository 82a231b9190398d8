/**
 * What a rule is made of: expressions that load a register, look at it, or decide (linux/netfilter/nf_tables.h). A rule ends at the first that
 * does not match. `r1` is 16 bytes wide; r9, r10 are its second and third four bytes, so that a key of several fields is loaded piece by piece.
 */
import { type Cidr, ipv4Bytes, maskOf, networkOf } from "../netlink/ipv4.ts";
import { type Cidr6, ipv6Bytes, maskOf6, networkOf6 } from "../netlink/ipv6.ts";
import { attribute, type Bytes, be16, be32, concat, nested, string, u32 } from "../netlink/message.ts";

export type Expression = Bytes;

const R1 = 1;
const R9 = 9;
const R10 = 10;
const REG_VERDICT = 0;
const EXPR_NAME = 1;
const EXPR_DATA = 2;
const DATA_VALUE = 1;
const DATA_VERDICT = 2;
const INTERFACE_NAME_BYTES = 16;

function expression(name: string, ...attributes: readonly Bytes[]): Expression {
  return concat([attribute(EXPR_NAME, string(name)), nested(EXPR_DATA, ...attributes)]);
}

const word = (type: number, value: number) => attribute(type, be32(value));
const data = (type: number, value: Bytes) => nested(type, attribute(DATA_VALUE, value));

const META = Object.freeze({ IIFNAME: 6, OIFNAME: 7, L4PROTO: 16 });
const CMP = Object.freeze({ EQ: 0, NEQ: 1 });
const NETWORK_HEADER = 1;
const TRANSPORT_HEADER = 2;

const meta = (key: number, register = R1) => expression("meta", word(2, key), word(1, register));
const payload = (base: number, offset: number, length: number, register = R1) =>
  expression("payload", word(1, register), word(2, base), word(3, offset), word(4, length));
const compare = (value: Bytes, operator: number = CMP.EQ) =>
  expression("cmp", word(1, R1), word(2, operator), data(3, value));
const mask = (value: Bytes) =>
  expression(
    "bitwise",
    word(1, R1),
    word(2, R1),
    word(3, value.length),
    data(4, value),
    data(5, new Uint8Array(value.length)),
  );

function interfaceName(name: string): Bytes {
  const bytes = new Uint8Array(INTERFACE_NAME_BYTES);
  bytes.set(Buffer.from(name));
  return bytes;
}

export const comesFrom = (name: string): Expression[] => [meta(META.IIFNAME), compare(interfaceName(name))];
export const comesNotFrom = (name: string): Expression[] => [
  meta(META.IIFNAME),
  compare(interfaceName(name), CMP.NEQ),
];
export const leavesBy = (name: string): Expression[] => [meta(META.OIFNAME), compare(interfaceName(name))];
export const leavesNotBy = (name: string): Expression[] => [
  meta(META.OIFNAME),
  compare(interfaceName(name), CMP.NEQ),
];

const address = (offset: number, cidr: Cidr): Expression[] => [
  payload(NETWORK_HEADER, offset, 4),
  ...(cidr.prefix === 32 ? [] : [mask(ipv4Bytes(maskOf(cidr.prefix)))]),
  compare(ipv4Bytes(networkOf(cidr))),
];
export const sourceIn = (cidr: Cidr): Expression[] => address(12, cidr);
export const destinationIn = (cidr: Cidr): Expression[] => address(16, cidr);

export const sourceIn6 = (cidr: Cidr6): Expression[] => [
  payload(NETWORK_HEADER, 8, 16),
  mask(ipv6Bytes(maskOf6(cidr.prefix))),
  compare(ipv6Bytes(networkOf6(cidr))),
];

const RTN_LOCAL = 2;
/** The destination is an address of this machine. */
export const destinationIsLocal = (): Expression[] => [
  expression("fib", word(3, 2 /* daddr */), word(2, 3 /* address type */), word(1, R1)),
  compare(u32(RTN_LOCAL)),
];

const CT_STATE = 0;
const CT_STATUS = 2;
const connection = (key: number, bits: number): Expression[] => [
  expression("ct", word(2, key), word(1, R1)),
  mask(u32(bits)),
  compare(u32(0), CMP.NEQ),
];
/** Belongs to a connection that was let through before, or is an error about one. */
export const isEstablished = (): Expression[] => connection(CT_STATE, 0x2 | 0x4);
/** Of a connection whose destination was rewritten. */
export const wasRedirected = (): Expression[] => connection(CT_STATUS, 1 << 5);

/** Rewrites the destination to what the map has under protocol, [destination address], port; no match: the rule ends. */
export function redirectBy(map: string, byAddress: boolean): Expression[] {
  const port = (register: number) => payload(TRANSPORT_HEADER, 2, 2, register);
  const key = byAddress ? [payload(NETWORK_HEADER, 16, 4, R9), port(R10)] : [port(R9)];
  return [
    meta(META.L4PROTO),
    ...key,
    expression("lookup", attribute(1, string(map)), word(2, R1), word(3, R1)),
    // type dnat, family IPv4, address in r1, port in r9
    expression("nat", word(1, 1), word(2, 2), word(3, R1), word(5, R9)),
  ];
}

export const protocolIs = (protocol: number): Expression[] => [
  meta(META.L4PROTO),
  compare(Uint8Array.of(protocol)),
];
export const destinationPortIs = (port: number): Expression[] => [
  payload(TRANSPORT_HEADER, 2, 2),
  compare(be16(port)),
];

const load = (register: number, value: Bytes) => expression("immediate", word(1, register), data(2, value));

/** Rewrites the destination. */
export const redirectTo = (ip: number, port: number): Expression[] => [
  load(R1, ipv4Bytes(ip)),
  load(R9, be16(port)),
  expression("nat", word(1, 1), word(2, 2), word(3, R1), word(5, R9)),
];

/** The source becomes the address of the interface it leaves by. */
export const masquerade = (): Expression[] => [expression("masq")];

const verdict = (code: number, chain?: string): Expression[] => [
  expression(
    "immediate",
    word(1, REG_VERDICT),
    nested(
      2,
      nested(DATA_VERDICT, word(1, code), ...(chain === undefined ? [] : [attribute(2, string(chain))])),
    ),
  ),
];
export const accept = (): Expression[] => verdict(1);
export const drop = (): Expression[] => verdict(0);
export const jump = (chain: string): Expression[] => verdict(-3, chain);
/** Back to the calling chain, or to the chain's policy. */
export const leave = (): Expression[] => verdict(-5);
