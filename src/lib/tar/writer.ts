/** Writes entries: plain ustar where it suffices, pax records for the rest, so that the same tree always gives the same bytes. */
import { encodeName } from "../bytes.ts";
import { BLOCK_BYTES, type EntryType, type TarEntry, XATTR_PREFIX } from "./entry.ts";
import { sealHeader } from "./header.ts";
import { formatOctal, formatTime } from "./numbers.ts";
import { formatPax } from "./pax.ts";

const FLAGS: Readonly<Record<EntryType, string>> = {
  ...{ file: "0", link: "1", symlink: "2", char: "3", block: "4", dir: "5", fifo: "6" },
};

const SECOND_NS = 1_000_000_000n;
const ASCII = /^[\x01-\x7f]*$/;

/** How a long name fits ustar's two fields, if it does. */
function splitName(name: string): readonly [prefix: string, name: string] | undefined {
  if (!ASCII.test(name)) return undefined;
  if (name.length <= 100) return ["", name];
  if (name.length > 256) return undefined;
  for (
    let slash = name.indexOf("/", name.length - 101);
    slash > 0 && slash < name.length - 1;
    slash = name.indexOf("/", slash + 1)
  )
    if (slash <= 155) return [name.slice(0, slash), name.slice(slash + 1)];
  return undefined;
}

function headerBlock(fields: {
  readonly name: readonly [string, string];
  readonly flag: string;
  readonly linkName: string;
  readonly numbers: Pick<TarEntry, "mode" | "uid" | "gid" | "size" | "major" | "minor"> & {
    readonly seconds: bigint;
  };
}): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const { name, flag, linkName, numbers } = fields;
  const octal = (value: bigint | number, at: number, bytes: number) =>
    block.write(formatOctal(BigInt(value), bytes) ?? formatOctal(0n, bytes)!, at, "latin1");
  block.write(name[1], 0, 100);
  octal(numbers.mode, 100, 8);
  octal(numbers.uid, 108, 8);
  octal(numbers.gid, 116, 8);
  octal(numbers.size, 124, 12);
  octal(numbers.seconds, 136, 12);
  block.write(flag, 156, "latin1");
  block.write(linkName, 157, 100);
  block.write("ustar\x0000", 257, "latin1");
  octal(numbers.major, 329, 8);
  octal(numbers.minor, 337, 8);
  block.write(name[0], 345, 155);
  sealHeader(block);
  return block;
}

function pad(bytes: Uint8Array): Buffer[] {
  const rest = (BLOCK_BYTES - (bytes.length % BLOCK_BYTES)) % BLOCK_BYTES;
  return [Buffer.from(bytes), Buffer.alloc(rest)];
}

/** What the ustar fields cannot say. */
function paxOf(entry: TarEntry, fitsName: boolean): [string, Uint8Array][] {
  const records: [string, Uint8Array][] = [];
  const add = (key: string, value: string) => records.push([key, encodeName(value)]);
  if (!fitsName) add("path", entry.name);
  if (!ASCII.test(entry.linkName) || entry.linkName.length > 100) add("linkpath", entry.linkName);
  if (formatOctal(BigInt(entry.size), 12) === undefined) add("size", String(entry.size));
  for (const key of ["uid", "gid"] as const)
    if (formatOctal(BigInt(entry[key]), 8) === undefined) add(key, String(entry[key]));
  const { modifiedNs } = entry;
  const fits = modifiedNs % SECOND_NS === 0n && formatOctal(modifiedNs / SECOND_NS, 12) !== undefined;
  if (!fits) add("mtime", formatTime(modifiedNs));
  for (const [name, value] of [...entry.xattrs].sort(([a], [b]) => (a < b ? -1 : 1)))
    records.push([XATTR_PREFIX + name, value]);
  return records;
}

/** The entry's header, with all that comes before its data. */
export function encodeEntry(entry: TarEntry): Buffer {
  const split = splitName(entry.name);
  const pax = paxOf(entry, split !== undefined);
  const parts: Buffer[] = [];
  const none = { mode: 0o644, uid: 0, gid: 0, seconds: 0n, major: 0, minor: 0 };
  if (pax.length > 0) {
    const body = formatPax(pax);
    const name = `PaxHeaders.0/${entry.name.split("/").findLast((part) => part !== "") ?? ""}`;
    const plain = name.replace(/[^\x20-\x7e]/g, "_").slice(0, 100);
    const numbers = { ...none, size: body.length };
    parts.push(headerBlock({ name: ["", plain], flag: "x", linkName: "", numbers }), ...pad(body));
  }
  const fallback: readonly [string, string] = ["", entry.name.replace(/[^\x20-\x7e]/g, "_").slice(0, 100)];
  const seconds = entry.modifiedNs < 0n ? 0n : entry.modifiedNs / SECOND_NS;
  const numbers = { ...entry, seconds };
  const linkName = ASCII.test(entry.linkName) ? entry.linkName.slice(0, 100) : "";
  parts.push(headerBlock({ name: split ?? fallback, flag: FLAGS[entry.type], linkName, numbers }));
  return Buffer.concat(parts);
}

/** Zeros behind an entry's data. */
export function paddingOf(size: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
}

/** The archive's end. */
export const TRAILER: Uint8Array = Buffer.alloc(2 * BLOCK_BYTES);
