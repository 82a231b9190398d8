/**
 * Netlink's format (netlink(7), linux/netlink.h): messages of a 16-byte head, a fixed body and attributes (type, length, value, padded to four
 * bytes; nested ones carry attributes as their value). Numbers are in the machine's order, which is little-endian wherever Bun runs.
 *
 * Parsing trusts nothing: a length that does not fit its surroundings is an error, never a shorter read.
 */
import { SkiffError } from "../../lib/errors.ts";

export const NLM_F = Object.freeze({
  REQUEST: 0x1,
  ACK: 0x4,
  DUMP_INTR: 0x10,
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
});
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const HEADER_BYTES = 16;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;

export type Bytes = Uint8Array;

/** What is asked of the kernel: a message but for its sequence number. */
export interface Request {
  readonly type: number;
  /** Besides REQUEST. */
  readonly flags: number;
  readonly body: Bytes;
  /** What an error says failed. */
  readonly action: string;
}

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Bytes;
}

const pad = (length: number) => (length + 3) & ~3;

export function u8(value: number): Bytes {
  return Uint8Array.of(value);
}
export function u16(value: number): Bytes {
  return Uint8Array.of(value & 255, (value >> 8) & 255);
}
export function u32(value: number): Bytes {
  return Uint8Array.of(value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24);
}
/** Big-endian, as in packets and in nftables' attributes. */
export function be16(value: number): Bytes {
  return Uint8Array.of((value >> 8) & 255, value & 255);
}
export function be32(value: number): Bytes {
  return Uint8Array.of(value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255);
}
export function be64(value: bigint): Bytes {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}
export function string(value: string): Bytes {
  return Buffer.from(`${value}\0`);
}

export function concat(parts: readonly Bytes[]): Bytes {
  return Buffer.concat(parts as Bytes[]);
}

/** One attribute, padded. */
export function attribute(type: number, value: Bytes): Bytes {
  const length = 4 + value.length;
  if (length > 0xffff)
    throw new SkiffError("out_of_range", `netlink attribute ${type}: ${value.length} bytes`);
  const bytes = new Uint8Array(pad(length));
  bytes.set(u16(length));
  bytes.set(u16(type), 2);
  bytes.set(value, 4);
  return bytes;
}

export function nested(type: number, ...attributes: readonly Bytes[]): Bytes {
  return attribute(type | NLA_F_NESTED, concat(attributes));
}

export function encodeMessage(request: Pick<Request, "type" | "flags" | "body">, sequence: number): Bytes {
  const length = HEADER_BYTES + request.body.length;
  const bytes = new Uint8Array(pad(length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint16(4, request.type, true);
  view.setUint16(6, request.flags | NLM_F.REQUEST, true);
  view.setUint32(8, sequence, true);
  bytes.set(request.body, HEADER_BYTES);
  return bytes;
}

function malformed(what: string): SkiffError {
  return new SkiffError("data_loss", `parse netlink ${what}: length does not fit`);
}

/** The messages of one datagram. */
export function parseMessages(datagram: Bytes): Message[] {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  const messages: Message[] = [];
  for (let at = 0; at < datagram.length; ) {
    if (datagram.length - at < HEADER_BYTES) throw malformed("message");
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || length > datagram.length - at) throw malformed("message");
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      body: datagram.subarray(at + HEADER_BYTES, at + length),
    });
    at += pad(length);
  }
  return messages;
}

export type Attributes = ReadonlyMap<number, Bytes>;

function eachAttribute(bytes: Bytes, visit: (type: number, value: Bytes) => void): void {
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < 4) throw malformed("attribute");
    const length = bytes[at]! | (bytes[at + 1]! << 8);
    if (length < 4 || length > bytes.length - at) throw malformed("attribute");
    visit((bytes[at + 2]! | (bytes[at + 3]! << 8)) & NLA_TYPE_MASK, bytes.subarray(at + 4, at + length));
    at += pad(length);
  }
}

/** By type; of several of one type the last. */
export function parseAttributes(bytes: Bytes): Attributes {
  const found = new Map<number, Bytes>();
  eachAttribute(bytes, (type, value) => found.set(type, value));
  return found;
}

/** A list: attributes whose order counts and whose types may repeat. */
export function parseList(bytes: Bytes): Bytes[] {
  const found: Bytes[] = [];
  eachAttribute(bytes, (_, value) => found.push(value));
  return found;
}

export function readU32(bytes: Bytes | undefined): number | undefined {
  if (bytes === undefined || bytes.length < 4) return undefined;
  return (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0;
}
export function readBe32(bytes: Bytes | undefined): number | undefined {
  if (bytes === undefined || bytes.length < 4) return undefined;
  return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
}
/** Up to the first NUL. */
export function readString(bytes: Bytes | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString("utf8");
}
