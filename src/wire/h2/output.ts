/**
 * A connection's outgoing bytes: frames are written into one buffer that goes to the kernel in few large writes.
 *
 * Whoever has bulk data asks `hasRoom` first; small frames are always taken. A peer that makes us answer without reading our answers
 * (a flood of PING or SETTINGS) meets BYTES_MAX.
 */
import { SkiffError } from "../../lib/errors.ts";
import { FRAME_HEADER_BYTES, putFrameHeader } from "./frames.ts";
import type { Transport } from "./transport.ts";

const BYTES_INITIAL = 16_384;
const ROOM_BYTES = 262_144;
const BYTES_MAX = 4 * 1024 * 1024;

export class Output {
  private buffer = new Uint8Array(BYTES_INITIAL);
  private start = 0;
  private end = 0;
  /** The kernel took less than offered: nothing goes out before `drain`. */
  blocked = false;

  constructor(private readonly transport: Transport) {}

  get pending(): number {
    return this.end - this.start;
  }

  get hasRoom(): boolean {
    return !this.blocked && this.end - this.start < ROOM_BYTES;
  }

  /** Writes a frame's header and answers where in `bytes` its payload of `length` bytes begins, to be filled at once. */
  frame(length: number, type: number, flags: number, streamId: number): number {
    this.reserve(FRAME_HEADER_BYTES + length);
    putFrameHeader(this.buffer, this.end, length, type, flags, streamId);
    const at = this.end + FRAME_HEADER_BYTES;
    this.end = at + length;
    return at;
  }

  get bytes(): Uint8Array {
    return this.buffer;
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.end);
    this.end += bytes.length;
  }

  /** Offers everything to the transport. */
  flush(): void {
    if (this.blocked || this.start === this.end) return;
    this.start += this.transport.write(this.buffer.subarray(this.start, this.end));
    if (this.start === this.end) this.start = this.end = 0;
    else this.blocked = true;
  }

  drained(): void {
    this.blocked = false;
    this.flush();
  }

  private reserve(bytes: number): void {
    if (this.end + bytes <= this.buffer.length) return;
    const pending = this.end - this.start;
    const needed = pending + bytes;
    if (needed > BYTES_MAX)
      throw new SkiffError("resource_exhausted", "http2: peer does not read its answers");
    const source = this.buffer;
    if (needed > this.buffer.length) this.buffer = new Uint8Array(Math.max(needed, 2 * this.buffer.length));
    this.buffer.set(source.subarray(this.start, this.end), 0);
    this.start = 0;
    this.end = pending;
  }
}
