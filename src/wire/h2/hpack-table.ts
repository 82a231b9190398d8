/** HPACK's static table (RFC 7541, appendix A) and the dynamic table beside it (section 2.3). */
import { ConnectionFault, H2 } from "./frames.ts";

export type HeaderField = readonly [name: string, value: string];

/** Index 1 is the first. */
// biome-ignore format: a table
export const STATIC_TABLE: readonly HeaderField[] = [
  [":authority", ""], [":method", "GET"], [":method", "POST"], [":path", "/"], [":path", "/index.html"],
  [":scheme", "http"], [":scheme", "https"], [":status", "200"], [":status", "204"], [":status", "206"],
  [":status", "304"], [":status", "400"], [":status", "404"], [":status", "500"], ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"], ["accept-language", ""], ["accept-ranges", ""], ["accept", ""],
  ["access-control-allow-origin", ""], ["age", ""], ["allow", ""], ["authorization", ""],
  ["cache-control", ""], ["content-disposition", ""], ["content-encoding", ""], ["content-language", ""],
  ["content-length", ""], ["content-location", ""], ["content-range", ""], ["content-type", ""],
  ["cookie", ""], ["date", ""], ["etag", ""], ["expect", ""], ["expires", ""], ["from", ""], ["host", ""],
  ["if-match", ""], ["if-modified-since", ""], ["if-none-match", ""], ["if-range", ""],
  ["if-unmodified-since", ""], ["last-modified", ""], ["link", ""], ["location", ""], ["max-forwards", ""],
  ["proxy-authenticate", ""], ["proxy-authorization", ""], ["range", ""], ["referer", ""], ["refresh", ""],
  ["retry-after", ""], ["server", ""], ["set-cookie", ""], ["strict-transport-security", ""],
  ["transfer-encoding", ""], ["user-agent", ""], ["vary", ""], ["via", ""], ["www-authenticate", ""],
];

/** What a field costs beside its name and value (RFC 7541, section 4.1). */
const ENTRY_OVERHEAD = 32;

export function fieldBytes(field: HeaderField): number {
  return field[0].length + field[1].length + ENTRY_OVERHEAD;
}

/** The newest field has the lowest index. Bounded by `limit` bytes, which the decoder's settings and the peer set. */
export class DynamicTable {
  /** Oldest first, so that adding is a push. */
  private fields: HeaderField[] = [];
  private bytes = 0;

  constructor(private limit: number) {}

  get size(): number {
    return this.bytes;
  }

  resize(limit: number): void {
    this.limit = limit;
    this.evict(0);
  }

  add(field: HeaderField): void {
    const size = fieldBytes(field);
    this.evict(size);
    if (size > this.limit) return;
    this.fields.push(field);
    this.bytes += size;
  }

  /** A field of either table by HPACK index. Throws COMPRESSION_ERROR. */
  at(index: number): HeaderField {
    const field =
      index <= STATIC_TABLE.length
        ? STATIC_TABLE[index - 1]
        : this.fields[this.fields.length - (index - STATIC_TABLE.length)];
    if (field === undefined) throw new ConnectionFault(H2.compressionError, `hpack: no field ${index}`);
    return field;
  }

  private evict(needed: number): void {
    let gone = 0;
    while (gone < this.fields.length && this.bytes + needed > this.limit) {
      this.bytes -= fieldBytes(this.fields[gone++]!);
    }
    if (gone > 0) this.fields.splice(0, gone);
  }
}
