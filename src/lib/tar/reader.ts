/**
 * Reads a tar archive as its bytes come, in any pieces: `push` calls the handler for every entry and its data, at once and in order. Nothing but the
 * current record is kept.
 */
import { SkiffError } from "../errors.ts";
import { BLOCK_BYTES, type EntryType, type TarEntry, TYPE_FLAGS, XATTR_PREFIX } from "./entry.ts";
import { isZero, parseHeader, type RawHeader } from "./header.ts";
import { parseTime } from "./numbers.ts";
import { parsePax } from "./pax.ts";

export interface TarHandler {
  entry(entry: TarEntry): void;
  /** A part of the current entry's data; the buffer is used again. */
  data(bytes: Uint8Array): void;
  /** The current entry's data are complete. */
  end(): void;
}

/** Names, pax records: an archive cannot make us keep more. */
const RECORD_BYTES_MAX = 1024 * 1024;
const META_FLAGS = "xgLK";

const decimal = (value: Uint8Array, what: string): number => {
  const digits = Buffer.from(value).toString("latin1");
  if (!/^\d{1,16}$/.test(digits) || Number(digits) > Number.MAX_SAFE_INTEGER)
    throw new SkiffError("invalid_argument", `tar: invalid ${what} in pax record`);
  return Number(digits);
};

function identity(value: Uint8Array, what: string): number {
  const id = decimal(value, what);
  if (id > 0xffff_fffe) throw new SkiffError("invalid_argument", `tar: ${what} out of range`);
  return id;
}

export class TarReader {
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  #filled = 0;
  /** Of the current entry's data, and of the padding behind. */
  #left = 0;
  #padding = 0;
  #inEntry = false;
  #ended = false;
  /** A name or pax record being gathered. */
  #record: { readonly flag: string; readonly parts: Buffer[] } | undefined;
  #global = new Map<string, Uint8Array>();
  #pax = new Map<string, Uint8Array>();
  #longName: string | undefined;
  #longLink: string | undefined;

  constructor(private readonly handler: TarHandler) {}

  /** @throws invalid_argument for what is no tar archive */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.#ended; ) {
      if (this.#left > 0) at = this.#takeData(bytes, at);
      else if (this.#padding > 0) {
        const skipped = Math.min(this.#padding, bytes.length - at);
        this.#padding -= skipped;
        at += skipped;
      } else at = this.#takeHeader(bytes, at);
    }
  }

  /** The archive must be whole. @throws data_loss */
  finish(): void {
    if (this.#left > 0 || this.#filled > 0 || this.#record !== undefined || this.#pax.size > 0)
      throw new SkiffError("data_loss", "tar: unexpected EOF");
  }

  #takeData(bytes: Uint8Array, at: number): number {
    const piece = bytes.subarray(at, at + Math.min(this.#left, bytes.length - at));
    this.#left -= piece.length;
    if (this.#record !== undefined) this.#record.parts.push(Buffer.from(piece));
    else this.handler.data(piece);
    if (this.#left === 0) this.#finishData();
    return at + piece.length;
  }

  #finishData(): void {
    const record = this.#record;
    this.#record = undefined;
    if (record !== undefined) this.#applyRecord(record.flag, Buffer.concat(record.parts));
    else if (this.#inEntry) {
      this.#inEntry = false;
      this.handler.end();
    }
  }

  #takeHeader(bytes: Uint8Array, at: number): number {
    const take = Math.min(BLOCK_BYTES - this.#filled, bytes.length - at);
    this.#block.set(bytes.subarray(at, at + take), this.#filled);
    this.#filled += take;
    if (this.#filled === BLOCK_BYTES) {
      this.#filled = 0;
      // One zero block ends it: the second is for tapes. What follows is not looked at.
      if (isZero(this.#block)) this.#ended = true;
      else this.#begin(parseHeader(this.#block));
    }
    return at + take;
  }

  #begin(header: RawHeader): void {
    if (META_FLAGS.includes(header.flag)) {
      this.#beginRecord(header);
      return;
    }
    const entry = this.#entryOf(header);
    this.#pax.clear();
    this.#longName = this.#longLink = undefined;
    this.#expect(entry.size);
    this.#inEntry = true;
    this.handler.entry(entry);
    if (entry.size === 0) this.#finishData();
  }

  #beginRecord({ flag, size }: RawHeader): void {
    if (size > RECORD_BYTES_MAX)
      throw new SkiffError("resource_exhausted", `tar: record of ${size} bytes, at most ${RECORD_BYTES_MAX}`);
    this.#expect(size);
    this.#record = { flag, parts: [] };
    if (size === 0) this.#finishData();
  }

  #expect(size: number): void {
    this.#left = size;
    this.#padding = (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
  }

  #applyRecord(flag: string, bytes: Buffer): void {
    const name = () => {
      const end = bytes.indexOf(0);
      return bytes.subarray(0, end < 0 ? bytes.length : end).toString();
    };
    if (flag === "L") this.#longName = name();
    else if (flag === "K") this.#longLink = name();
    else if (flag === "x") this.#pax = parsePax(bytes);
    else for (const [key, value] of parsePax(bytes)) this.#global.set(key, value);
  }

  #entryOf(header: RawHeader): TarEntry {
    const pax = new Map([...this.#global, ...this.#pax]);
    const text = (key: string) => {
      const value = pax.get(key);
      return value === undefined || value.length === 0 ? undefined : Buffer.from(value).toString();
    };
    const type = this.#typeOf(header, pax);
    const [uid, gid, size] = [pax.get("uid"), pax.get("gid"), pax.get("size")];
    const time = text("mtime");
    const xattrs = [...pax]
      .filter(([key]) => key.startsWith(XATTR_PREFIX))
      .map(([key, value]) => [key.slice(XATTR_PREFIX.length), value] as const);
    return {
      name: text("path") ?? this.#longName ?? header.name,
      linkName: text("linkpath") ?? this.#longLink ?? header.linkName,
      type,
      ...{ mode: header.mode, major: header.major, minor: header.minor },
      uid: uid === undefined ? header.uid : identity(uid, "uid"),
      gid: gid === undefined ? header.gid : identity(gid, "gid"),
      size: type === "file" ? (size === undefined ? header.size : decimal(size, "size")) : 0,
      modifiedNs: time === undefined ? header.modifiedNs : parseTime(time),
      xattrs: new Map(xattrs),
    };
  }

  #typeOf({ flag, name }: RawHeader, pax: ReadonlyMap<string, Uint8Array>): EntryType {
    if (flag === "S" || [...pax.keys()].some((key) => key.startsWith("GNU.sparse.")))
      throw new SkiffError("unimplemented", `tar: ${name}: sparse files are not supported`);
    const type = TYPE_FLAGS[flag];
    if (type === undefined)
      throw new SkiffError("invalid_argument", `unhandled tar header type ${flag.charCodeAt(0)}`);
    // Old archives: a file whose name ends with a slash is a directory.
    return type === "file" && flag !== "7" && name.endsWith("/") && this.#longName === undefined
      ? "dir"
      : type;
  }
}
