/**
 * Sparse files as GNU tar writes them: the archive holds only the parts that are no holes, and a map of where they belong. Four formats: `S` headers, and
 * pax records in versions 0.0, 0.1 (map in a record) and 1.0 (map in front of the data). Source: GNU tar manual, "Storing Sparse Files".
 */
import { SkiffError } from "../errors.ts";
import { BLOCK_BYTES } from "./entry.ts";
import { parseNumber } from "./numbers.ts";

export interface Extent {
  readonly offset: number;
  readonly length: number;
}

/** One map. */
const EXTENTS_MAX = 65_536;
const OLD_AT = 386;
const OLD_EXTENTS = 4;
const OLD_MORE_AT = 482;
const OLD_SIZE_AT = 483;
const MORE_EXTENTS = 21;
const MORE_MORE_AT = 504;
const PAIR_BYTES = 24;

function invalid(): never {
  throw new SkiffError("invalid_argument", "tar: invalid sparse map");
}

function whole(value: bigint): number {
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) invalid();
  return Number(value);
}

function decimal(text: string | undefined): number {
  if (text === undefined || !/^\d{1,16}$/.test(text) || Number(text) > Number.MAX_SAFE_INTEGER) invalid();
  return Number(text);
}

/** In order, apart, inside the file, and as long together as what is stored. @throws invalid_argument */
export function checkExtents(extents: readonly Extent[], realSize: number, stored: number): void {
  let [end, sum] = [0, 0];
  for (const { offset, length } of extents) {
    if (offset < end || offset + length > realSize) invalid();
    end = offset + length;
    sum += length;
  }
  if (sum !== stored) invalid();
}

/** Numbers in a row, offset and length by turns. */
function pairs(numbers: readonly number[]): Extent[] {
  if (numbers.length % 2 !== 0 || numbers.length > 2 * EXTENTS_MAX) invalid();
  const extents: Extent[] = [];
  for (let at = 0; at < numbers.length; at += 2)
    extents.push({ offset: numbers[at]!, length: numbers[at + 1]! });
  return extents;
}

/** The record GNU.sparse.map: `0,512,4096,512`. */
export function parseMapRecord(text: string): Extent[] {
  return pairs(text === "" ? [] : text.split(",").map(decimal));
}

/** A map that comes in blocks of its own, one after the other. */
export interface MapReader {
  /** Undefined: more are needed. */
  take(block: Uint8Array): readonly Extent[] | undefined;
  /** Blocks belong to the entry's data, not to its header. */
  readonly inData: boolean;
}

function readPairs(block: Uint8Array, from: number, count: number, into: Extent[]): void {
  for (let at = from; at < from + count * PAIR_BYTES; at += PAIR_BYTES) {
    // The first empty one ends the map.
    if (block[at] === 0) return;
    if (into.length === EXTENTS_MAX) invalid();
    const field = (start: number) => whole(parseNumber(block.subarray(start, start + 12), "sparse map"));
    into.push({ offset: field(at), length: field(at + 12) });
  }
}

/** Of an `S` header; `more` reads the blocks that follow. */
export function parseOldHeader(block: Uint8Array): {
  readonly realSize: number;
  readonly extents: readonly Extent[];
  readonly more: MapReader | undefined;
} {
  const extents: Extent[] = [];
  readPairs(block, OLD_AT, OLD_EXTENTS, extents);
  const realSize = whole(parseNumber(block.subarray(OLD_SIZE_AT, OLD_SIZE_AT + 12), "size"));
  const more: MapReader = {
    inData: false,
    take(next) {
      readPairs(next, 0, MORE_EXTENTS, extents);
      return next[MORE_MORE_AT] === 0 ? extents : undefined;
    },
  };
  return { realSize, extents, more: block[OLD_MORE_AT] === 0 ? undefined : more };
}

/** Version 1.0: a count, then offsets and lengths, a decimal number a line, filled up to whole blocks. */
export function lineMap(): MapReader {
  let text = "";
  const numbers: number[] = [];
  return {
    inData: true,
    take(block) {
      text += Buffer.from(block).toString("latin1");
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
        numbers.push(decimal(text.slice(0, end)));
        text = text.slice(end + 1);
        if (numbers[0]! > EXTENTS_MAX) invalid();
        if (numbers.length === 1 + 2 * numbers[0]!) return pairs(numbers.slice(1));
      }
      if (text.length > BLOCK_BYTES) invalid();
      return undefined;
    },
  };
}

/** Puts stored bytes where they belong. */
export class SparseData {
  #index = 0;
  /** Into the current extent. */
  #done = 0;
  #at = 0;

  constructor(
    private readonly extents: readonly Extent[],
    private readonly realSize: number,
    private readonly sink: { data(bytes: Uint8Array): void; hole(bytes: number): void },
  ) {}

  data(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const extent = this.extents[this.#index];
      if (extent === undefined) invalid();
      this.#skipTo(extent.offset + this.#done);
      const piece = bytes.subarray(at, at + Math.min(extent.length - this.#done, bytes.length - at));
      if (piece.length > 0) this.sink.data(piece);
      this.#at += piece.length;
      this.#done += piece.length;
      at += piece.length;
      if (this.#done < extent.length) continue;
      this.#index++;
      this.#done = 0;
    }
  }

  end(): void {
    this.#skipTo(this.realSize);
  }

  #skipTo(offset: number): void {
    if (offset > this.#at) this.sink.hole(offset - this.#at);
    this.#at = Math.max(this.#at, offset);
  }
}
