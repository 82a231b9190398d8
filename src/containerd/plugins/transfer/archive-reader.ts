/**
 * Tar as image archives use it: files, folders, symlinks; ustar, GNU long names, PAX paths and sizes.
 *
 * A stranger wrote it: checksums and sizes are verified, names and extended headers bounded, and nothing is unpacked by it. Each entry's body must be
 * read, or is skipped, before the next entry.
 */
import { SkiffError } from "../../../lib/errors.ts";

export interface ArchiveEntry {
  readonly name: string;
  readonly kind: "file" | "symlink" | "other";
  readonly linkName: string;
  readonly size: number;
  /** To be read once. */
  readonly body: AsyncIterable<Uint8Array>;
}

const BLOCK = 512;
const EXTENDED_BYTES_MAX = 1024 * 1024;
const NAME_LENGTH_MAX = 4096;
const TRAILER_BYTES_MAX = 1024 * 1024;

function invalid(message: string): SkiffError {
  return new SkiffError("invalid_argument", `archive/tar: ${message}`);
}

/** Bytes in the portions that tar wants. */
class Portions {
  #held: Buffer = Buffer.alloc(0);
  constructor(private readonly source: AsyncIterator<Uint8Array>) {}

  /** Undefined at a clean end. */
  async block(): Promise<Buffer | undefined> {
    const bytes = await this.exactly(BLOCK, true);
    return bytes.length === 0 ? undefined : bytes;
  }

  async exactly(size: number, mayEnd = false): Promise<Buffer> {
    const parts = [this.#held];
    let length = this.#held.length;
    while (length < size) {
      const { done, value } = await this.source.next();
      if (done === true) break;
      parts.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
      length += value.length;
    }
    const all = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    if (length < size && !(mayEnd && length === 0))
      throw new SkiffError("invalid_argument", "unexpected EOF");
    this.#held = all.subarray(Math.min(size, length));
    return all.subarray(0, size);
  }

  /** What is left of a body; `left` counts down, so that whoever stops early loses nothing but the bytes. */
  async *rest(body: { left: number }): AsyncGenerator<Buffer> {
    while (body.left > 0) {
      if (this.#held.length === 0) await this.#more();
      const piece = this.#held.subarray(0, body.left);
      this.#held = this.#held.subarray(piece.length);
      body.left -= piece.length;
      if (piece.length > 0) yield piece;
    }
  }

  /** Reads on a little behind the end: padding, a compressor's trailer, so that the sender is not cut off. */
  async drain(): Promise<void> {
    for (let size = 0; size < TRAILER_BYTES_MAX; ) {
      const { done, value } = await this.source.next();
      if (done === true) return;
      size += value.length;
    }
  }

  async #more(): Promise<void> {
    const { done, value } = await this.source.next();
    if (done === true) throw new SkiffError("invalid_argument", "unexpected EOF");
    this.#held = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
}

const text = (bytes: Buffer) => {
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end < 0 ? bytes.length : end).toString();
};

/** Octal, or GNU's base 256 for 8 GiB and more. */
function number(bytes: Buffer): number {
  if ((bytes[0]! & 0x80) !== 0) {
    let value = bytes[0]! & 0x7f;
    for (const byte of bytes.subarray(1)) value = value * 256 + byte;
    if (!Number.isSafeInteger(value)) throw invalid("invalid tar header");
    return value;
  }
  const digits = text(bytes).trim();
  if (!/^[0-7]*$/.test(digits)) throw invalid("invalid tar header");
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

function checkSum(header: Buffer): void {
  let sum = 8 * 0x20;
  for (const [at, byte] of header.entries()) if (at < 148 || at >= 156) sum += byte;
  if (number(header.subarray(148, 156)) !== sum) throw invalid("invalid tar header");
}

function paxRecords(bytes: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const digits = bytes.subarray(at, space).toString();
    const length = /^\d{1,7}$/.test(digits) ? Number(digits) : 0;
    const line = bytes.subarray(space + 1, at + length).toString();
    const equals = line.indexOf("=");
    if (
      space < 0 ||
      length <= space + 1 - at ||
      at + length > bytes.length ||
      equals < 1 ||
      !line.endsWith("\n")
    )
      throw invalid("invalid PAX record");
    records.set(line.slice(0, equals), line.slice(equals + 1, -1));
    at += length;
  }
  return records;
}

interface Pending {
  name?: string | undefined;
  link?: string | undefined;
  size?: number | undefined;
}

function applyPax(pending: Pending, records: ReadonlyMap<string, string>): void {
  const size = records.get("size");
  if (size !== undefined && !/^\d{1,15}$/.test(size)) throw invalid("invalid PAX record");
  pending.name = records.get("path") ?? pending.name;
  pending.link = records.get("linkpath") ?? pending.link;
  pending.size = size === undefined ? pending.size : Number(size);
}

/** Takes in a header that is about the next entry; false for an entry itself. */
async function extended(
  portions: Portions,
  header: Buffer,
  size: number,
  pending: Pending,
): Promise<boolean> {
  const type = String.fromCharCode(header[156]!);
  if (!"xgLK".includes(type)) return false;
  if (size > EXTENDED_BYTES_MAX) throw invalid("header field too long");
  const body = (await portions.exactly(Math.ceil(size / BLOCK) * BLOCK)).subarray(0, size);
  if (type === "x") applyPax(pending, paxRecords(body));
  else if (type === "L") pending.name = text(body);
  else if (type === "K") pending.link = text(body);
  return true;
}

function nameOf(header: Buffer): string {
  const name = text(header.subarray(0, 100));
  const isUstar = header.subarray(257, 263).toString("latin1") === "ustar\0";
  const prefix = isUstar ? text(header.subarray(345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function kindOf(type: number): ArchiveEntry["kind"] {
  if (type === 0 || type === 0x30) return "file";
  return type === 0x32 ? "symlink" : "other";
}

/** @throws invalid_argument */
export async function* archiveEntries(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveEntry> {
  const source = bytes[Symbol.asyncIterator]();
  const portions = new Portions(source);
  let pending: Pending = {};
  try {
    for (let header = await portions.block(); header !== undefined; header = await portions.block()) {
      if (header.every((byte) => byte === 0)) return await portions.drain();
      checkSum(header);
      const stated = number(header.subarray(124, 136));
      if (await extended(portions, header, stated, pending)) continue;
      const name = pending.name ?? nameOf(header);
      const linkName = pending.link ?? text(header.subarray(157, 257));
      if (name.length > NAME_LENGTH_MAX || linkName.length > NAME_LENGTH_MAX)
        throw invalid("name is too long");
      const kind = kindOf(header[156]!);
      const size = pending.size ?? (kind === "symlink" ? 0 : stated);
      pending = {};
      const rest = { left: size };
      yield { ...{ name, kind, linkName, size }, body: portions.rest(rest) };
      for await (const _skipped of portions.rest(rest));
      await portions.exactly((BLOCK - (size % BLOCK)) % BLOCK);
    }
  } finally {
    await source.return?.();
  }
}
