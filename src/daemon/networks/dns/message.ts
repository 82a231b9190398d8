/**
 * DNS messages (RFC 1035, RFC 6891), as far as a resolver of names of containers needs them: the one question of a query is read, answers to it
 * are written; what is sent on to another server and back stays the bytes it is. Input is whatever a container sends.
 */
import { formatIpv6, ipv6Bytes, parseIpv6 } from "../../../kernel/netlink/ipv6.ts";

export const TYPE = Object.freeze({ A: 1, PTR: 12, AAAA: 28, OPT: 41, ANY: 255 });
export const RCODE = Object.freeze({ OK: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 });
export const HEADER_BYTES = 12;
export const MESSAGE_BYTES_MAX = 65_535;
const NAME_BYTES_MAX = 255;
const LABEL_BYTES_MAX = 63;
const CLASS_IN = 1;
const QUERY_BYTES_MIN = 512;
/** As Docker's: long, but resolvers in containers keep nothing. */
const TTL_S = 600;

export interface Query {
  readonly id: number;
  /** RD of the header. */
  readonly recursion: boolean;
  /** Without the last dot; "" is the root. Bytes are taken for Latin-1. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** The question as it came. */
  readonly question: Uint8Array;
  /** What the asker takes by UDP. */
  readonly sizeMax: number;
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/** The name at `at` and where it ends; a pointer in it is not followed: a query's first name has none. */
function readName(bytes: Uint8Array, at: number): { name: string; end: number } | undefined {
  const labels: string[] = [];
  let end = at;
  for (;;) {
    const length = bytes[end];
    if (length === undefined || length > LABEL_BYTES_MAX) return undefined;
    end += 1;
    if (length === 0) break;
    if (end + length > bytes.length || end - at + length > NAME_BYTES_MAX) return undefined;
    labels.push(Buffer.from(bytes.buffer, bytes.byteOffset + end, length).toString("latin1"));
    end += length;
  }
  return { name: labels.join("."), end };
}

/** The size an OPT record that follows the question tells, else 512. */
function sizeOf(bytes: Uint8Array, end: number): number {
  const [answers, authorities, additional] = [u16(bytes, 6), u16(bytes, 8), u16(bytes, 10)];
  if (answers + authorities > 0 || additional === 0 || bytes.length < end + 11) return QUERY_BYTES_MIN;
  if (bytes[end] !== 0 || u16(bytes, end + 1) !== TYPE.OPT) return QUERY_BYTES_MIN;
  return Math.max(QUERY_BYTES_MIN, u16(bytes, end + 3));
}

/** undefined: no query with exactly one question. */
export function parseQuery(bytes: Uint8Array): Query | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const flags = u16(bytes, 2);
  const isPlainQuery = (flags & 0xf800) === 0;
  if (!isPlainQuery || u16(bytes, 4) !== 1) return undefined;
  const found = readName(bytes, HEADER_BYTES);
  if (found === undefined || bytes.length < found.end + 4) return undefined;
  const { name, end } = found;
  return {
    id: u16(bytes, 0),
    recursion: (flags & 0x100) !== 0,
    name,
    type: u16(bytes, end),
    class: u16(bytes, end + 2),
    question: bytes.slice(HEADER_BYTES, end + 4),
    sizeMax: sizeOf(bytes, end + 4),
  };
}

function header(id: number, flags: number, questions: number, answers: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  for (const [index, value] of [id, flags, questions, answers].entries())
    bytes.writeUInt16BE(value, 2 * index);
  return bytes;
}

const RESPONSE = 0x8000;
const TRUNCATED = 0x200;
const RECURSION_DESIRED = 0x100;
const RECURSION_AVAILABLE = 0x80;

function encodeName(name: string): Buffer {
  const labels = name.split(".").filter((label) => label !== "");
  const parts = labels.map((label) => {
    const bytes = Buffer.from(label, "latin1").subarray(0, LABEL_BYTES_MAX);
    return Buffer.concat([Buffer.of(bytes.length), bytes]);
  });
  return Buffer.concat([...parts, Buffer.of(0)]);
}

/** A record for the question's name. */
function record(type: number, data: Uint8Array): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc000 | HEADER_BYTES, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(CLASS_IN, 4);
  head.writeUInt32BE(TTL_S, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

export function addressRecord(ip: string): Buffer {
  const six = parseIpv6(ip);
  return six === undefined
    ? record(TYPE.A, Uint8Array.from(ip.split("."), Number))
    : record(TYPE.AAAA, ipv6Bytes(six));
}
export const pointerRecord = (name: string): Buffer => record(TYPE.PTR, encodeName(name));

/** As many records as fit in `sizeMax`; the rest is told by the flag for "truncated". */
export function encodeAnswer(
  query: Query,
  code: number,
  records: readonly Uint8Array[] = [],
  sizeMax: number = MESSAGE_BYTES_MAX,
): Buffer {
  const fitting: Uint8Array[] = [];
  let size = HEADER_BYTES + query.question.length;
  for (const one of records) {
    size += one.length;
    if (size > sizeMax) break;
    fitting.push(one);
  }
  const flags =
    RESPONSE |
    RECURSION_AVAILABLE |
    (query.recursion ? RECURSION_DESIRED : 0) |
    (fitting.length < records.length ? TRUNCATED : 0) |
    code;
  return Buffer.concat([header(query.id, flags, 1, fitting.length), query.question, ...fitting]);
}

/** For what is no query we understand; undefined when it has not even an id, or is an answer itself. */
export function encodeFormatError(bytes: Uint8Array): Buffer | undefined {
  if (bytes.length < HEADER_BYTES || (bytes[2]! & 0x80) !== 0) return undefined;
  const isQuery = (bytes[2]! & 0x78) === 0;
  return header(u16(bytes, 0), RESPONSE | (isQuery ? RCODE.FORMERR : RCODE.NOTIMP), 0, 0);
}

export function withId(bytes: Uint8Array, id: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** The code of an answer to `question` under this id; undefined when it is another's, or none. */
export function answerCode(bytes: Uint8Array, id: number, question: Uint8Array): number | undefined {
  if (bytes.length < HEADER_BYTES || u16(bytes, 0) !== id || (bytes[2]! & 0x80) === 0) return undefined;
  if (u16(bytes, 4) === 1) {
    const own = bytes.subarray(HEADER_BYTES, HEADER_BYTES + question.length);
    if (!Buffer.from(own).equals(question)) return undefined;
  }
  return bytes[3]! & 15;
}

/** `4.3.2.1.in-addr.arpa` as `1.2.3.4`; of IPv6 32 digits before `ip6.arpa`. */
export function reversedAddress(name: string): string | undefined {
  const six = /^((?:[0-9a-f]\.){32})ip6\.arpa$/i.exec(name);
  if (six !== null) return formatIpv6(BigInt(`0x${six[1]!.split(".").reverse().join("")}`));
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/i.exec(name);
  return match === null ? undefined : match.slice(1, 5).reverse().join(".");
}
