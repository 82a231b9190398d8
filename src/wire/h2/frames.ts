/** HTTP/2 frames (RFC 9113, sections 4 and 6): numbers, and a reader that turns chunks of bytes into frames. */
import { SkiffError } from "../../lib/errors.ts";

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

export const SETTING = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

/** Error codes of RST_STREAM and GOAWAY (RFC 9113, section 7). */
export const H2 = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const;

export const FRAME_HEADER_BYTES = 9;
export const FRAME_BYTES_DEFAULT = 16_384;
export const WINDOW_DEFAULT = 65_535;
export const WINDOW_MAX = 2 ** 31 - 1;
/** Longest frame we accept, told to the peer. */
export const FRAME_BYTES_MAX = 262_144;

/** A fault of the peer that ends the connection with this code. */
export class ConnectionFault extends SkiffError {
  constructor(
    readonly h2Code: number,
    message: string,
  ) {
    super("internal", `http2: ${message}`);
  }
}

export interface FrameSink {
  /** A whole frame, of any type but an unpadded DATA. The payload is valid during the call only. */
  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void;
  /** A part of a DATA frame's payload, passed on as it comes; `last` for the end of the frame. The part is the sink's to keep. */
  dataPart(streamId: number, flags: number, part: Uint8Array, last: boolean): void;
}

/** Splits a byte stream into frames. DATA is not gathered: a part is passed on with the chunk that carried it. */
export class FrameReader {
  private readonly header = new Uint8Array(FRAME_HEADER_BYTES);
  private headerFill = 0;
  private length = 0;
  private type = 0;
  private flags = 0;
  private streamId = 0;
  /** Bytes of the current payload still to come; -1 while a header is being read. */
  private remaining = -1;
  private gathered: Uint8Array | undefined;

  constructor(private readonly sink: FrameSink) {}

  /** Throws ConnectionFault for a frame over the limit, and whatever the sink throws. */
  push(chunk: Uint8Array): void {
    let at = 0;
    for (;;) {
      if (this.remaining < 0) {
        at = this.readHeader(chunk, at);
        if (this.remaining < 0) return;
      }
      const take = Math.min(this.remaining, chunk.length - at);
      if (take === 0 && this.remaining > 0) return;
      const part = chunk.subarray(at, at + take);
      at += take;
      this.remaining -= take;
      this.deliver(part);
      if (this.remaining > 0) return;
      this.remaining = -1;
    }
  }

  private readHeader(chunk: Uint8Array, start: number): number {
    let at = start;
    while (this.headerFill < FRAME_HEADER_BYTES) {
      if (at === chunk.length) return at;
      this.header[this.headerFill++] = chunk[at++]!;
    }
    const h = this.header;
    this.headerFill = 0;
    this.length = (h[0]! << 16) | (h[1]! << 8) | h[2]!;
    this.type = h[3]!;
    this.flags = h[4]!;
    this.streamId = ((h[5]! & 0x7f) << 24) | (h[6]! << 16) | (h[7]! << 8) | h[8]!;
    if (this.length > FRAME_BYTES_MAX) {
      throw new ConnectionFault(H2.frameSizeError, `frame of ${this.length} bytes`);
    }
    this.remaining = this.length;
    return at;
  }

  private deliver(part: Uint8Array): void {
    const done = this.remaining === 0;
    if (this.type === FRAME.data && (this.flags & FLAG.padded) === 0) {
      this.sink.dataPart(this.streamId, this.flags, part, done);
      return;
    }
    if (part.length === this.length) {
      this.sink.frame(this.type, this.flags, this.streamId, part);
      return;
    }
    this.gathered ??= new Uint8Array(this.length);
    this.gathered.set(part, this.length - this.remaining - part.length);
    if (!done) return;
    const payload = this.gathered;
    this.gathered = undefined;
    this.sink.frame(this.type, this.flags, this.streamId, payload);
  }
}

/** Writes a frame's header at `at`. */
export function putFrameHeader(
  target: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  target[at] = length >>> 16;
  target[at + 1] = length >>> 8;
  target[at + 2] = length;
  target[at + 3] = type;
  target[at + 4] = flags;
  target[at + 5] = streamId >>> 24;
  target[at + 6] = streamId >>> 16;
  target[at + 7] = streamId >>> 8;
  target[at + 8] = streamId;
}

export function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** The payload of a frame without its padding. Throws PROTOCOL_ERROR. */
export function withoutPadding(flags: number, payload: Uint8Array): Uint8Array {
  if ((flags & FLAG.padded) === 0) return payload;
  const padding = payload[0] ?? payload.length;
  if (padding >= payload.length) throw new ConnectionFault(H2.protocolError, "padding");
  return payload.subarray(1, payload.length - padding);
}

/** What a peer's RST_STREAM means to a call. */
export function resetError(code: number): SkiffError {
  const message = `stream reset by peer (${code})`;
  if (code === H2.cancel) return new SkiffError("canceled", message);
  if (code === H2.refusedStream) return new SkiffError("unavailable", message);
  if (code === H2.enhanceYourCalm) return new SkiffError("resource_exhausted", message);
  return new SkiffError("internal", message);
}
