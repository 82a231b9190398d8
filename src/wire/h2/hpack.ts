/**
 * HPACK (RFC 7541): a full decoder, and an encoder that uses only the static table.
 *
 * A stateless encoder can be run ahead of time (one block per method and status) and costs some hundred bytes per call on a unix
 * socket; the dynamic table would save them at the price of state shared by all streams.
 */
import { ConnectionFault, H2 } from "./frames.ts";
import { DynamicTable, fieldBytes, type HeaderField, STATIC_TABLE } from "./hpack-table.ts";
import { huffmanDecode } from "./huffman.ts";

/** Table size that a peer may use before it learns otherwise; we never announce another. */
const TABLE_BYTES_MAX = 4096;
/** Sum of all fields of one block, as SETTINGS_MAX_HEADER_LIST_SIZE counts it. */
export const HEADER_LIST_BYTES_MAX = 65_536;

function fault(message: string): ConnectionFault {
  return new ConnectionFault(H2.compressionError, `hpack: ${message}`);
}

/** Decodes the header blocks of one connection, in order. */
export class HpackDecoder {
  private readonly table = new DynamicTable(TABLE_BYTES_MAX);
  private block: Uint8Array = new Uint8Array();
  private at = 0;

  /** Throws COMPRESSION_ERROR, or ENHANCE_YOUR_CALM for a list over the limit (the table would be lost if it went on). */
  decode(block: Uint8Array): HeaderField[] {
    this.block = block;
    this.at = 0;
    const fields: HeaderField[] = [];
    let bytes = 0;
    while (this.at < block.length) {
      const field = this.field(fields.length === 0);
      if (field === undefined) continue;
      bytes += fieldBytes(field);
      if (bytes > HEADER_LIST_BYTES_MAX)
        throw new ConnectionFault(H2.enhanceYourCalm, "hpack: header list too long");
      fields.push(field);
    }
    return fields;
  }

  /** The next representation; undefined for a change of the table's size, which is allowed only before the first field. */
  private field(first: boolean): HeaderField | undefined {
    const byte = this.block[this.at]!;
    if (byte & 0x80) return this.table.at(this.integer(7));
    if (byte & 0x40) {
      const field = this.literal(this.integer(6));
      this.table.add(field);
      return field;
    }
    if (byte & 0x20) {
      const size = this.integer(5);
      if (!first || size > TABLE_BYTES_MAX) throw fault(`table size ${size}`);
      this.table.resize(size);
      return undefined;
    }
    return this.literal(this.integer(4));
  }

  private literal(nameIndex: number): HeaderField {
    const name = nameIndex === 0 ? this.string() : this.table.at(nameIndex)[0];
    return [name, this.string()];
  }

  private string(): string {
    if (this.at >= this.block.length) throw fault("string cut off");
    const huffman = (this.block[this.at]! & 0x80) !== 0;
    const length = this.integer(7);
    const end = this.at + length;
    if (end > this.block.length) throw fault("string cut off");
    const bytes = this.block.subarray(this.at, end);
    this.at = end;
    if (huffman) return huffmanDecode(bytes);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  }

  /** An integer with an n-bit prefix, at most 2^28 here: nothing we accept is longer. */
  private integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.block[this.at++]! & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.at >= this.block.length) throw fault("integer cut off");
      const byte = this.block[this.at++]!;
      value += (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) return value;
    }
    throw fault("integer too long");
  }
}

function putInteger(out: number[], first: number, prefixBits: number, value: number): void {
  const mask = (1 << prefixBits) - 1;
  if (value < mask) {
    out.push(first | value);
    return;
  }
  out.push(first | mask);
  let rest = value - mask;
  for (; rest >= 0x80; rest >>>= 7) out.push((rest & 0x7f) | 0x80);
  out.push(rest);
}

function putString(out: number[], value: string): void {
  const bytes = Buffer.from(value, "latin1");
  putInteger(out, 0, 7, bytes.length);
  for (const byte of bytes) out.push(byte);
}

function encodeField(out: number[], [name, value]: HeaderField): void {
  const whole = STATIC_TABLE.findIndex((field) => field[0] === name && field[1] === value && value !== "");
  if (whole >= 0) {
    out.push(0x80 | (whole + 1));
    return;
  }
  // "Literal without indexing": the peer's table stays empty.
  const index = STATIC_TABLE.findIndex((field) => field[0] === name) + 1;
  putInteger(out, 0, 4, index);
  if (index === 0) putString(out, name);
  putString(out, value);
}

/** A header block; blocks may be joined. Names are lower case, values latin-1. */
export function hpackEncode(fields: readonly HeaderField[]): Uint8Array {
  const out: number[] = [];
  for (const field of fields) encodeField(out, field);
  return Uint8Array.from(out);
}
