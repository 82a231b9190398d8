/**
 * Reads a tar archive as its bytes come, in any pieces: `push` calls the handler for every entry and its data, at once and in order. Nothing but the
 * current record is kept. Where tar programs differ, it reads as Go's archive/tar, by which Docker and containerd go: two readers that see different
 * files in one archive are a way in.
 */
import { decodeName } from "../bytes.ts";
import { SkiffError } from "../errors.ts";
import { BLOCK_BYTES, type EntryType, type TarEntry, TYPE_FLAGS, XATTR_PREFIX } from "./entry.ts";
import { isZero, parseHeader, type RawHeader } from "./header.ts";
import { parseTime } from "./numbers.ts";
import { type PaxRecords, parsePax } from "./pax.ts";
import {
  checkExtents,
  type Extent,
  lineMap,
  type MapReader,
  parseMapRecord,
  parseOldHeader,
  SparseData,
} from "./sparse.ts";

export interface TarHandler {
  entry(entry: TarEntry): void;
  /** A part of the current entry's data; the buffer is used again. */
  data(bytes: Uint8Array): void;
  /** So many zeros that the archive leaves out. Without it sparse files are refused. */
  hole?(bytes: number): void;
  /** The current entry's data are complete. */
  end(): void;
}

/** Names, pax records: an archive cannot make us keep more. */
const RECORD_BYTES_MAX = 1024 * 1024;
const META_FLAGS = "xgLK";
const SPARSE_FLAG = "S";

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

interface Sparse {
  readonly realSize: number;
  readonly extents: readonly Extent[];
  /** Reads the map when it comes in blocks. */
  readonly map?: MapReader;
}

/** What the pax records say of holes: GNU.sparse.*, three versions. */
function paxSparse(text: (key: string) => string | undefined): Sparse | undefined {
  const number = (key: string) => decimal(Buffer.from(text(key) ?? ""), key);
  const map = text("GNU.sparse.map");
  if (text("GNU.sparse.major") === "1" && text("GNU.sparse.minor") === "0")
    return { realSize: number("GNU.sparse.realsize"), extents: [], map: lineMap() };
  if (text("GNU.sparse.size") === undefined && map === undefined) return undefined;
  return { realSize: number("GNU.sparse.size"), extents: parseMapRecord(map ?? "") };
}

export class TarReader {
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  #filled = 0;
  /** Of the current entry's data, and of the padding behind. */
  #left = 0;
  #padding = 0;
  #inEntry = false;
  #zeros = 0;
  #ended = false;
  /** A name or pax record being gathered. */
  #record: { readonly flag: string; readonly parts: Buffer[] } | undefined;
  #pax: PaxRecords = new Map();
  #longName: string | undefined;
  #longLink: string | undefined;
  /** Takes the next blocks before they are headers. */
  #prelude: ((block: Uint8Array) => void) | undefined;
  #sparse: SparseData | undefined;

  constructor(private readonly handler: TarHandler) {}

  /** @throws invalid_argument for what is no tar archive */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.#ended; ) {
      if (this.#left > 0) at = this.#takeData(bytes, at);
      else if (this.#padding > 0) {
        const skipped = Math.min(this.#padding, bytes.length - at);
        this.#padding -= skipped;
        at += skipped;
      } else at = this.#takeBlock(bytes, at);
    }
  }

  /** The archive must be whole. @throws data_loss */
  finish(): void {
    const open = this.#left > 0 || (this.#filled > 0 && !this.#ended) || this.#record !== undefined;
    if (open || this.#prelude !== undefined || this.#pax.size > 0)
      throw new SkiffError("data_loss", "tar: unexpected EOF");
  }

  #takeData(bytes: Uint8Array, at: number): number {
    const piece = bytes.subarray(at, at + Math.min(this.#left, bytes.length - at));
    this.#left -= piece.length;
    if (this.#record !== undefined) this.#record.parts.push(Buffer.from(piece));
    else if (this.#sparse !== undefined) this.#sparse.data(piece);
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
      this.#sparse?.end();
      this.#sparse = undefined;
      this.handler.end();
    }
  }

  #takeBlock(bytes: Uint8Array, at: number): number {
    const take = Math.min(BLOCK_BYTES - this.#filled, bytes.length - at);
    this.#block.set(bytes.subarray(at, at + take), this.#filled);
    this.#filled += take;
    if (this.#filled === BLOCK_BYTES) {
      this.#filled = 0;
      if (this.#prelude !== undefined) this.#prelude(this.#block);
      else if (isZero(this.#block)) this.#ended = ++this.#zeros === 2;
      else if (this.#zeros > 0) throw new SkiffError("invalid_argument", "archive/tar: invalid tar header");
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
    const sparse = this.#sparseOf(header, entry);
    this.#pax = new Map();
    this.#longName = this.#longLink = undefined;
    if (sparse === undefined) this.#start(entry, entry.size);
    else this.#startSparse(entry, sparse);
  }

  #start(entry: TarEntry, stored: number): void {
    this.#expect(stored);
    this.#inEntry = true;
    this.handler.entry(entry);
    if (stored === 0) this.#finishData();
  }

  #startSparse(entry: TarEntry, { realSize, extents, map }: Sparse): void {
    const { handler } = this;
    if (handler.hole === undefined)
      throw new SkiffError(
        "unimplemented",
        `tar: ${JSON.stringify(entry.name)}: sparse files are not supported here`,
      );
    const sink = { data: handler.data.bind(handler), hole: handler.hole.bind(handler) };
    let stored = entry.size;
    const start = (found: readonly Extent[]): void => {
      this.#prelude = undefined;
      checkExtents(found, realSize, stored);
      this.#sparse = new SparseData(found, realSize, sink);
      this.#start({ ...entry, size: realSize, sparse: true }, stored);
    };
    if (map === undefined) {
      start(extents);
      return;
    }
    this.#prelude = (block) => {
      if (map.inData) stored -= BLOCK_BYTES;
      const found = map.take(block);
      if (stored < 0) throw new SkiffError("invalid_argument", "tar: invalid sparse map");
      if (found !== undefined) start(found);
    };
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
      return decodeName(bytes.subarray(0, end < 0 ? bytes.length : end));
    };
    if (flag === "L") this.#longName = name();
    else if (flag === "K") this.#longLink = name();
    // Records that hold for the whole archive are checked and, as by Docker, not heeded.
    else if (flag === "g") parsePax(bytes);
    else this.#pax = parsePax(bytes);
  }

  /** An empty value is none. */
  readonly #text = (key: string): string | undefined => {
    const value = this.#pax.get(key);
    return value === undefined || value.length === 0 ? undefined : decodeName(value);
  };

  #entryOf(header: RawHeader): TarEntry {
    const pax = this.#pax;
    const set = (key: string) => ((pax.get(key)?.length ?? 0) > 0 ? pax.get(key) : undefined);
    const [uid, gid, size] = [set("uid"), set("gid"), set("size")];
    const time = this.#text("mtime");
    const name = this.#longName ?? this.#text("GNU.sparse.name") ?? this.#text("path") ?? header.name;
    const type = typeOf(header.flag, name);
    const xattrs = [...pax]
      .filter(([key]) => key.startsWith(XATTR_PREFIX))
      .map(([key, value]) => [key.slice(XATTR_PREFIX.length), value] as const);
    return {
      name,
      linkName: this.#longLink ?? this.#text("linkpath") ?? header.linkName,
      type,
      ...{ mode: header.mode, major: header.major, minor: header.minor },
      uid: uid === undefined ? header.uid : identity(uid, "uid"),
      gid: gid === undefined ? header.gid : identity(gid, "gid"),
      size: type === "file" ? (size === undefined ? header.size : decimal(size, "size")) : 0,
      modifiedNs: time === undefined ? header.modifiedNs : parseTime(time),
      xattrs: new Map(xattrs),
    };
  }

  /** The header is still in the block. */
  #sparseOf({ flag }: RawHeader, { type }: TarEntry): Sparse | undefined {
    if (type !== "file") return undefined;
    if (flag !== SPARSE_FLAG) return paxSparse(this.#text);
    const { realSize, extents, more } = parseOldHeader(this.#block);
    return { realSize, extents, ...(more && { map: more }) };
  }
}

function typeOf(flag: string, name: string): EntryType {
  // Archives older than POSIX have no directories, only names that end with a slash.
  if (flag === "\0" && name.endsWith("/")) return "dir";
  const type = flag === SPARSE_FLAG ? "file" : TYPE_FLAGS[flag];
  if (type === undefined)
    throw new SkiffError("invalid_argument", `unhandled tar header type ${flag.charCodeAt(0)}`);
  return type;
}
