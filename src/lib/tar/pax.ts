/** Pax records: `<length> <key>=<value>\n`, the length in decimal and of the whole record, the value any bytes. */
import { SkiffError } from "../errors.ts";

export type PaxRecords = ReadonlyMap<string, Uint8Array>;

function malformed(): never {
  throw new SkiffError("invalid_argument", "tar: malformed pax record");
}

/** GNU's first sparse format repeats these two, by turns; later ones have one record for all. */
const SPARSE_PAIR = ["GNU.sparse.offset", "GNU.sparse.numbytes"] as const;
const SPARSE_MAP = "GNU.sparse.map";

export function parsePax(bytes: Uint8Array): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>();
  const pairs: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    if (space < 0 || space - at > 10) malformed();
    const digits = Buffer.from(bytes.subarray(at, space)).toString("latin1");
    if (!/^[1-9]\d*$/.test(digits)) malformed();
    const end = at + Number(digits);
    if (end > bytes.length || end <= space + 1 || bytes[end - 1] !== 0x0a) malformed();
    const equals = bytes.indexOf(0x3d, space);
    if (equals < 0 || equals >= end || equals === space + 1) malformed();
    const key = Buffer.from(bytes.subarray(space + 1, equals)).toString();
    const value = Uint8Array.from(bytes.subarray(equals + 1, end - 1));
    at = end;
    if (!(SPARSE_PAIR as readonly string[]).includes(key)) {
      records.set(key, value);
      continue;
    }
    const text = Buffer.from(value).toString("latin1");
    if (key !== SPARSE_PAIR[pairs.length % 2] || text.includes(",")) malformed();
    pairs.push(text);
  }
  if (pairs.length > 0) records.set(SPARSE_MAP, Buffer.from(pairs.join(",")));
  return records;
}

export function formatPax(records: Iterable<readonly [string, Uint8Array]>): Buffer {
  const parts: Buffer[] = [];
  for (const [key, value] of records) {
    const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from("\n")]);
    let length = rest.length;
    // The length counts its own digits.
    for (let digits = String(length).length; ; digits++) {
      length = rest.length + digits;
      if (String(length).length === digits) break;
    }
    parts.push(Buffer.from(String(length)), rest);
  }
  return Buffer.concat(parts);
}
