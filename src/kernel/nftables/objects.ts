/** Tables, chains, rules, maps and their elements of the family `ip`, as messages of one transaction (transaction.ts). */
import {
  attribute,
  type Bytes,
  be32,
  be64,
  concat,
  NLM_F,
  nested,
  type Request,
  string,
} from "../netlink/message.ts";
import type { Expression } from "./expressions.ts";

export const NFPROTO_IPV4 = 2;
const SUBSYSTEM = 10;
const LIST_ELEMENT = 1;

export const MSG = Object.freeze({
  NEWTABLE: 0,
  DELTABLE: 2,
  NEWCHAIN: 3,
  GETCHAIN: 4,
  NEWRULE: 6,
  GETRULE: 7,
  DELRULE: 8,
  NEWSET: 9,
  NEWSETELEM: 12,
  DELSETELEM: 14,
  GETGEN: 16,
  GETTABLE: 1,
});

export function messageType(message: number): number {
  return (SUBSYSTEM << 8) | message;
}

/** struct nfgenmsg */
export function family(value: number): Bytes {
  return Uint8Array.of(value, 0, 0, 0);
}

export function object(
  message: number,
  flags: number,
  action: string,
  attributes: readonly Bytes[],
): Request {
  return { type: messageType(message), flags, action, body: concat([family(NFPROTO_IPV4), ...attributes]) };
}

const NFPROTO_IPV6 = 10;

/** The same for a table of the family `ip6`. */
export function forIpv6(request: Request): Request {
  const body = Uint8Array.from(request.body);
  body[0] = NFPROTO_IPV6;
  return { ...request, body };
}

const name = (type: number, value: string) => attribute(type, string(value));
const word = (type: number, value: number) => attribute(type, be32(value));

/** What is there already is left as it is. */
export function addTable(table: string): Request {
  return object(MSG.NEWTABLE, NLM_F.CREATE, `add table ${table}`, [name(1, table), word(2, 0)]);
}

/** With all that is in it. */
export function deleteTable(table: string): Request {
  return object(MSG.DELTABLE, 0, `delete table ${table}`, [name(1, table)]);
}

export const HOOK = Object.freeze({ prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 });

export interface BaseChain {
  readonly type: "filter" | "nat";
  readonly hook: keyof typeof HOOK;
  /** Lower is earlier: raw -300, dstnat -100, filter 0, srcnat 100. */
  readonly priority: number;
}

/** Without `base` a chain that others jump to. The policy is accept. */
export function addChain(table: string, chain: string, base?: BaseChain): Request {
  const hook =
    base === undefined
      ? []
      : [nested(4, word(1, HOOK[base.hook]), word(2, base.priority)), word(5, 1), name(7, base.type)];
  return object(MSG.NEWCHAIN, NLM_F.CREATE, `add chain ${table} ${chain}`, [
    name(1, table),
    name(3, chain),
    ...hook,
  ]);
}

export interface Rule {
  readonly table: string;
  readonly chain: string;
  readonly expressions: readonly Expression[];
  /** Shown by `nft list`; names the rule for whoever wants to find it again. */
  readonly comment?: string;
}

const UDATA_COMMENT = 0;

function rule(flags: number, { table, chain, expressions, comment }: Rule): Request {
  const list = nested(4, ...expressions.map((one) => nested(LIST_ELEMENT, one)));
  const text = comment === undefined ? undefined : string(comment);
  const note =
    text === undefined ? [] : [attribute(7, concat([Uint8Array.of(UDATA_COMMENT, text.length), text]))];
  return object(MSG.NEWRULE, flags, `add rule to ${table} ${chain}`, [
    name(1, table),
    name(2, chain),
    list,
    ...note,
  ]);
}

export function appendRule(request: Rule): Request {
  return rule(NLM_F.CREATE | NLM_F.APPEND, request);
}

/** In front of all others. */
export function insertRule(request: Rule): Request {
  return rule(NLM_F.CREATE, request);
}

export function deleteRule(table: string, chain: string, handle: bigint): Request {
  return object(MSG.DELRULE, 0, `delete rule of ${table} ${chain}`, [
    name(1, table),
    name(2, chain),
    attribute(3, be64(handle)),
  ]);
}

/** Data types as nft(8) numbers them, with the bytes each takes in a key: four, whatever its size. */
const TYPES = { ipv4_addr: 7, inet_proto: 12, inet_service: 13 } as const;
export type DataType = keyof typeof TYPES;

const typeNumber = (types: readonly DataType[]) => types.reduce((sum, type) => sum * 64 + TYPES[type], 0);
const FLAG_MAP = 8;

export interface MapShape {
  readonly table: string;
  readonly name: string;
  readonly key: readonly DataType[];
  readonly value: readonly DataType[];
}

/** @param id any number that no other map of the same transaction has */
export function addMap({ table, name: map, key, value }: MapShape, id: number): Request {
  return object(MSG.NEWSET, NLM_F.CREATE, `add map ${table} ${map}`, [
    name(1, table),
    name(2, map),
    word(3, FLAG_MAP),
    word(4, typeNumber(key)),
    word(5, 4 * key.length),
    word(6, typeNumber(value)),
    word(7, 4 * value.length),
    word(10, id),
  ]);
}

/** Fields in the order of the map's types, each as it stands in a packet. */
export interface MapElement {
  readonly key: readonly Bytes[];
  readonly value: readonly Bytes[];
}

function fields(parts: readonly Bytes[]): Bytes {
  const bytes = new Uint8Array(4 * parts.length);
  parts.forEach((part, index) => void bytes.set(part, 4 * index));
  return bytes;
}

const dataValue = (type: number, parts: readonly Bytes[]) => nested(type, attribute(1, fields(parts)));

function elements(
  message: number,
  flags: number,
  action: string,
  map: MapShape,
  list: readonly Bytes[],
): Request {
  return object(message, flags, `${action} ${map.table} ${map.name}`, [
    name(1, map.table),
    name(2, map.name),
    nested(3, ...list.map((one) => nested(LIST_ELEMENT, one))),
  ]);
}

/** Fails with EEXIST when a key is there already with another value. */
export function addElements(map: MapShape, list: readonly MapElement[]): Request {
  const encoded = list.map(({ key, value }) => concat([dataValue(1, key), dataValue(2, value)]));
  return elements(MSG.NEWSETELEM, NLM_F.CREATE, "add element to", map, encoded);
}

/** Fails with ENOENT when a key is not there. */
export function deleteElements(map: MapShape, keys: readonly (readonly Bytes[])[]): Request {
  return elements(
    MSG.DELSETELEM,
    0,
    "delete element of",
    map,
    keys.map((key) => dataValue(1, key)),
  );
}
