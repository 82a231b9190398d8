/**
 * An HTTP/2 connection (RFC 9113), client's or server's side, as far as gRPC needs it: no push, no priorities, no Upgrade by
 * itself. PROTOCOL.md draws it.
 *
 * Flow control: the connection's window is opened on arrival, a stream's when its owner has consumed; so one slow stream never stops
 * the others, and memory is bounded by streams × WINDOW_STREAM.
 */
import { isSkiffError, SkiffError } from "../../lib/errors.ts";
import {
  ConnectionFault,
  FLAG,
  FRAME,
  FRAME_BYTES_DEFAULT,
  FRAME_BYTES_MAX,
  FrameReader,
  type FrameSink,
  H2,
  SETTING,
  WINDOW_DEFAULT,
  WINDOW_MAX,
} from "./frames.ts";
import { HEADER_LIST_BYTES_MAX, HpackDecoder } from "./hpack.ts";
import { Output } from "./output.ts";
import { Stream, type StreamListener } from "./stream.ts";
import type { Transport, TransportEvents } from "./transport.ts";

const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** What a peer may send on one stream before its owner has consumed. */
const WINDOW_STREAM = 1024 * 1024;
const WINDOW_CONNECTION = 16 * 1024 * 1024;
/** Streams a client may have open here. */
export const STREAMS_MAX = 4096;
/** A header block in all its frames, compressed. */
const BLOCK_BYTES_MAX = 2 * HEADER_LIST_BYTES_MAX;

export interface ConnectionOwner {
  /** A peer's new stream (server's side). Its listener is set before this returns; none means refused. */
  accept?(stream: Stream): StreamListener | undefined;
  /** No new streams may be opened: GOAWAY came, or the connection is lost. */
  draining(): void;
  closed(): void;
  /** A stream has gone, so that another may be opened. */
  released?(): void;
}

interface OpenBlock {
  readonly streamId: number;
  readonly endStream: boolean;
  parts: Uint8Array[];
  bytes: number;
}

export class Connection implements TransportEvents, FrameSink {
  private readonly output: Output;
  private readonly reader = new FrameReader(this);
  private readonly decoder = new HpackDecoder();
  private readonly streams = new Map<number, Stream>();
  /** Streams with something to send, in turn. */
  private readonly sending = new Set<Stream>();
  private sendWindow = WINDOW_DEFAULT;
  private received = 0;
  private peerWindow = WINDOW_DEFAULT;
  private peerFrameBytes = FRAME_BYTES_DEFAULT;
  private peerStreamsMax = Number.POSITIVE_INFINITY;
  private nextId = 1;
  private lastPeerId = 0;
  private block: OpenBlock | undefined;
  private prefaceLeft: number;
  private flushing = false;
  private leaving = false;
  private isClosed = false;

  constructor(
    private readonly transport: Transport,
    private readonly role: "client" | "server",
    private readonly owner: ConnectionOwner,
  ) {
    this.output = new Output(transport);
    this.prefaceLeft = role === "server" ? PREFACE.length : 0;
    if (role === "client") this.output.raw(PREFACE);
    this.sendSettings();
    this.sendWindowUpdate(0, WINDOW_CONNECTION - WINDOW_DEFAULT);
    this.schedule();
  }

  get canOpen(): boolean {
    return !this.isClosed && !this.leaving && this.streams.size < this.peerStreamsMax;
  }

  get usable(): boolean {
    return !this.isClosed && !this.leaving;
  }

  get streamCount(): number {
    return this.streams.size;
  }

  /** Client's side: opens a stream with a request's header block. */
  open(listener: StreamListener, block: Uint8Array): Stream {
    const stream = new Stream(this.nextId, this.peerWindow, WINDOW_STREAM);
    this.nextId += 2;
    // Ids run out after 2^30 calls; the channel then connects anew.
    if (this.nextId > WINDOW_MAX - 2) this.leave();
    stream.listener = listener;
    this.streams.set(stream.id, stream);
    this.sendHeaders(stream, block, false);
    return stream;
  }

  /** Sends a header block now (response headers). With `end` it is the last thing of the stream. */
  sendHeaders(stream: Stream, block: Uint8Array, end: boolean): void {
    if (stream.dead || this.isClosed) return;
    this.putBlock(stream.id, block, end);
    if (end) this.endLocal(stream);
    this.schedule();
  }

  /** Queues data. The pieces must not change until sent. Resolves undefined-at-once when all of it could be framed already. */
  send(stream: Stream, pieces: readonly Uint8Array[]): Promise<void> | undefined {
    if (stream.dead || this.isClosed || stream.localEnded) return undefined;
    for (const piece of pieces) stream.enqueue(piece);
    this.pumpStream(stream);
    if (stream.queued === 0) return undefined;
    this.sending.add(stream);
    return stream.sent();
  }

  /** Ends our side after what is queued: with trailers, or with END_STREAM alone. */
  finish(stream: Stream, trailers: Uint8Array | undefined): void {
    if (stream.dead || this.isClosed || stream.localEnded || stream.ending !== undefined) return;
    stream.ending = trailers ?? "data";
    this.pumpStream(stream);
    if (!stream.localEnded) this.sending.add(stream);
  }

  /** The owner has taken `bytes` of a stream's data: the peer may send as many more. */
  consumed(stream: Stream, bytes: number): void {
    if (stream.remoteEnded || stream.dead) return;
    stream.owed += bytes;
    if (stream.owed < WINDOW_STREAM / 4) return;
    this.sendWindowUpdate(stream.id, stream.owed);
    stream.receiveWindow += stream.owed;
    stream.owed = 0;
    this.schedule();
  }

  /** Ends a stream at once. Its listener hears nothing more. */
  reset(stream: Stream, code: number): void {
    if (stream.dead || this.isClosed) return;
    if (!(stream.localEnded && stream.remoteEnded)) this.putU32(FRAME.rstStream, stream.id, code);
    this.kill(stream);
    this.schedule();
  }

  /** Takes no more streams; closes when the last has ended. */
  leave(): void {
    if (this.isClosed || this.leaving) return;
    this.leaving = true;
    this.putGoaway(H2.noError);
    this.owner.draining();
    this.schedule();
    if (this.streams.size === 0) this.closeSoon();
  }

  /** Closes now; open streams fail with `unavailable`. */
  close(): void {
    if (this.isClosed) return;
    this.output.flush();
    this.transport.close();
    this.closed();
  }

  // ---- transport's events

  data(bytes: Uint8Array): void {
    if (this.isClosed) return;
    try {
      const rest = this.prefaceLeft > 0 ? this.preface(bytes) : bytes;
      if (rest.length > 0) this.reader.push(rest);
      this.giveConnectionCredit();
    } catch (error) {
      this.fail(error);
    }
  }

  drain(): void {
    if (this.isClosed) return;
    this.output.drained();
    this.pump();
  }

  closed(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    const lost = new SkiffError("unavailable", "connection closed");
    for (const stream of [...this.streams.values()]) {
      const listener = stream.listener;
      this.kill(stream);
      listener?.failed(lost);
    }
    this.owner.draining();
    this.owner.closed();
  }

  private fail(error: unknown): void {
    if (this.isClosed) return;
    const code = error instanceof ConnectionFault ? error.h2Code : H2.internalError;
    try {
      this.putGoaway(code);
      this.output.flush();
    } catch {
      // The buffer is full because the peer does not read: it will not read this either.
    }
    this.transport.close();
    this.closed();
    if (!isSkiffError(error)) throw error;
  }

  private preface(bytes: Uint8Array): Uint8Array {
    const take = Math.min(this.prefaceLeft, bytes.length);
    const from = PREFACE.length - this.prefaceLeft;
    for (let i = 0; i < take; i++) {
      if (bytes[i] !== PREFACE[from + i]) throw new ConnectionFault(H2.protocolError, "not an HTTP/2 client");
    }
    this.prefaceLeft -= take;
    return bytes.subarray(take);
  }

  // ---- frames in

  dataPart(streamId: number, flags: number, part: Uint8Array, last: boolean): void {
    this.checkNoBlock();
    if (streamId === 0) throw new ConnectionFault(H2.protocolError, "DATA on stream 0");
    this.received += part.length;
    if (this.received > WINDOW_CONNECTION)
      throw new ConnectionFault(H2.flowControlError, "connection window");
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.checkWasOpen(streamId);
      return;
    }
    const end = last && (flags & FLAG.endStream) !== 0;
    stream.receiveWindow -= part.length;
    if (stream.receiveWindow < 0 || stream.remoteEnded) {
      const code = stream.remoteEnded ? H2.streamClosed : H2.flowControlError;
      const listener = stream.listener;
      this.reset(stream, code);
      listener?.failed(new SkiffError("internal", "http2: peer sends more than it may"));
      return;
    }
    if (end) stream.remoteEnded = true;
    if (part.length > 0 || end) stream.listener?.data(part, end);
    this.releaseIfOver(stream);
  }

  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    if (type !== FRAME.continuation) this.checkNoBlock();
    if (type === FRAME.headers) this.headersFrame(flags, streamId, payload);
    else if (type === FRAME.continuation) this.continuationFrame(flags, streamId, payload);
    else if (type === FRAME.windowUpdate) this.windowUpdateFrame(streamId, payload);
    else if (type === FRAME.settings) this.settingsFrame(flags, streamId, payload);
    else if (type === FRAME.ping) this.pingFrame(flags, streamId, payload);
    else if (type === FRAME.rstStream) this.resetFrame(streamId, payload);
    else if (type === FRAME.goaway) this.goawayFrame(payload);
    else if (type === FRAME.data) this.paddedData(flags, streamId, payload);
    else if (type === FRAME.pushPromise) throw new ConnectionFault(H2.protocolError, "PUSH_PROMISE");
    // PRIORITY and unknown types are ignored (RFC 9113, 5.3.2 and 5.5).
  }

  /** Padding counts against the windows, so its bytes are given back at once. */
  private paddedData(flags: number, streamId: number, payload: Uint8Array): void {
    const body = withoutPadding(flags, payload);
    const padding = payload.length - body.length;
    this.received += padding;
    const stream = this.streams.get(streamId);
    if (stream !== undefined) {
      stream.receiveWindow -= padding;
      this.consumed(stream, padding);
    }
    this.dataPart(streamId, flags, body.slice(), true);
  }

  private headersFrame(flags: number, streamId: number, payload: Uint8Array): void {
    if (streamId === 0) throw new ConnectionFault(H2.protocolError, "HEADERS on stream 0");
    let block = withoutPadding(flags, payload);
    if (flags & FLAG.priority) {
      if (block.length < 5) throw new ConnectionFault(H2.frameSizeError, "HEADERS");
      block = block.subarray(5);
    }
    const endStream = (flags & FLAG.endStream) !== 0;
    if (flags & FLAG.endHeaders) this.headerBlock(streamId, block, endStream);
    else this.block = { streamId, endStream, parts: [block.slice()], bytes: block.length };
  }

  private continuationFrame(flags: number, streamId: number, payload: Uint8Array): void {
    const open = this.block;
    if (open === undefined || open.streamId !== streamId) {
      throw new ConnectionFault(H2.protocolError, "CONTINUATION of nothing");
    }
    open.bytes += payload.length;
    // A peer that continues for ever, also with empty frames (CVE-2024-27316), ends here.
    if (open.bytes > BLOCK_BYTES_MAX || open.parts.length === 64) {
      throw new ConnectionFault(H2.enhanceYourCalm, "header block too long");
    }
    open.parts.push(payload.slice());
    if ((flags & FLAG.endHeaders) === 0) return;
    this.block = undefined;
    this.headerBlock(streamId, Buffer.concat(open.parts), open.endStream);
  }

  private headerBlock(streamId: number, block: Uint8Array, end: boolean): void {
    // Decoded in any case: the table is the connection's.
    const fields = this.decoder.decode(block);
    const stream = this.streams.get(streamId) ?? this.acceptStream(streamId);
    if (stream === undefined) return;
    if (stream.remoteEnded) {
      throw new ConnectionFault(H2.streamClosed, `HEADERS on ended stream ${streamId}`);
    }
    if (end) stream.remoteEnded = true;
    stream.listener?.headers(fields, end);
    this.releaseIfOver(stream);
  }

  private acceptStream(streamId: number): Stream | undefined {
    if (this.role === "client" || streamId <= this.lastPeerId) {
      this.checkWasOpen(streamId);
      return undefined;
    }
    if (streamId % 2 === 0) throw new ConnectionFault(H2.protocolError, `client opens stream ${streamId}`);
    // After GOAWAY: the client knows that this one was not processed.
    if (this.leaving) return undefined;
    this.lastPeerId = streamId;
    const stream = new Stream(streamId, this.peerWindow, WINDOW_STREAM);
    const listener = this.streams.size < STREAMS_MAX ? this.owner.accept?.(stream) : undefined;
    if (listener === undefined) {
      this.putU32(FRAME.rstStream, streamId, H2.refusedStream);
      this.schedule();
      return undefined;
    }
    stream.listener = listener;
    this.streams.set(streamId, stream);
    return stream;
  }

  private windowUpdateFrame(streamId: number, payload: Uint8Array): void {
    if (payload.length !== 4) throw new ConnectionFault(H2.frameSizeError, "WINDOW_UPDATE");
    const increment = readU32(payload, 0) & WINDOW_MAX;
    if (streamId === 0) {
      this.sendWindow += increment;
      if (increment === 0 || this.sendWindow > WINDOW_MAX) {
        throw new ConnectionFault(H2.flowControlError, "WINDOW_UPDATE");
      }
      this.pump();
      return;
    }
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.checkWasOpen(streamId);
      return;
    }
    stream.sendWindow += increment;
    if (increment === 0 || stream.sendWindow > WINDOW_MAX) {
      const listener = stream.listener;
      this.reset(stream, increment === 0 ? H2.protocolError : H2.flowControlError);
      listener?.failed(new SkiffError("internal", "http2: WINDOW_UPDATE out of range"));
      return;
    }
    if (this.sending.has(stream)) this.pump();
  }

  private settingsFrame(flags: number, streamId: number, payload: Uint8Array): void {
    if (streamId !== 0) throw new ConnectionFault(H2.protocolError, "SETTINGS on a stream");
    if (flags & FLAG.ack) return;
    if (payload.length % 6 !== 0) throw new ConnectionFault(H2.frameSizeError, "SETTINGS");
    for (let at = 0; at < payload.length; at += 6) {
      this.applySetting((payload[at]! << 8) | payload[at + 1]!, readU32(payload, at + 2));
    }
    this.output.frame(0, FRAME.settings, FLAG.ack, 0);
    this.schedule();
    this.pump();
  }

  private applySetting(name: number, value: number): void {
    if (name === SETTING.initialWindowSize) {
      if (value > WINDOW_MAX) throw new ConnectionFault(H2.flowControlError, "INITIAL_WINDOW_SIZE");
      // The difference goes to every open stream, on top of the credit it has (RFC 9113, 6.9.2).
      const delta = value - this.peerWindow;
      this.peerWindow = value;
      for (const stream of this.streams.values()) stream.sendWindow += delta;
    } else if (name === SETTING.maxFrameSize) {
      if (value < FRAME_BYTES_DEFAULT || value > 0xffffff) {
        throw new ConnectionFault(H2.protocolError, "MAX_FRAME_SIZE");
      }
      this.peerFrameBytes = Math.min(value, FRAME_BYTES_MAX);
    } else if (name === SETTING.maxConcurrentStreams) {
      this.peerStreamsMax = value;
      this.owner.released?.();
    }
  }

  private pingFrame(flags: number, streamId: number, payload: Uint8Array): void {
    if (payload.length !== 8) throw new ConnectionFault(H2.frameSizeError, "PING");
    if (streamId !== 0) throw new ConnectionFault(H2.protocolError, "PING on a stream");
    if (flags & FLAG.ack) return;
    const at = this.output.frame(8, FRAME.ping, FLAG.ack, 0);
    this.output.bytes.set(payload, at);
    this.schedule();
  }

  private resetFrame(streamId: number, payload: Uint8Array): void {
    if (payload.length !== 4) throw new ConnectionFault(H2.frameSizeError, "RST_STREAM");
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.checkWasOpen(streamId);
      return;
    }
    const code = readU32(payload, 0);
    const listener = stream.listener;
    this.kill(stream);
    listener?.failed(resetError(code));
  }

  private goawayFrame(payload: Uint8Array): void {
    if (payload.length < 8) throw new ConnectionFault(H2.frameSizeError, "GOAWAY");
    const lastId = readU32(payload, 0) & WINDOW_MAX;
    const code = readU32(payload, 4);
    this.leaving = true;
    this.owner.draining();
    for (const stream of [...this.streams.values()]) {
      if (this.role === "server" || stream.id <= lastId) continue;
      const listener = stream.listener;
      this.kill(stream);
      listener?.failed(new SkiffError("unavailable", `connection is going away (${code})`));
    }
    if (this.streams.size === 0) this.closeSoon();
  }

  private checkNoBlock(): void {
    if (this.block !== undefined) throw new ConnectionFault(H2.protocolError, "header block interrupted");
  }

  /** A frame for a stream we do not have: fine when it is over, a fault when it was never opened. */
  private checkWasOpen(streamId: number): void {
    const known =
      this.role === "client" ? streamId < this.nextId : streamId <= this.lastPeerId || this.leaving;
    if (!known) throw new ConnectionFault(H2.protocolError, `frame on idle stream ${streamId}`);
  }

  // ---- frames out

  private sendSettings(): void {
    const values: readonly (readonly [number, number])[] = [
      [SETTING.enablePush, 0],
      [SETTING.initialWindowSize, WINDOW_STREAM],
      [SETTING.maxFrameSize, FRAME_BYTES_MAX],
      [SETTING.maxHeaderListSize, HEADER_LIST_BYTES_MAX],
      [SETTING.maxConcurrentStreams, STREAMS_MAX],
    ];
    // A server must not announce ENABLE_PUSH (RFC 9113, 6.5.2), a client has no streams to offer.
    const own = values.slice(this.role === "server" ? 1 : 0, this.role === "server" ? 5 : 4);
    let at = this.output.frame(own.length * 6, FRAME.settings, 0, 0);
    for (const [name, value] of own) {
      this.output.bytes[at] = name >>> 8;
      this.output.bytes[at + 1] = name;
      writeU32(this.output.bytes, at + 2, value);
      at += 6;
    }
  }

  private putU32(type: number, streamId: number, value: number): void {
    writeU32(this.output.bytes, this.output.frame(4, type, 0, streamId), value);
  }

  private sendWindowUpdate(streamId: number, increment: number): void {
    if (increment > 0) this.putU32(FRAME.windowUpdate, streamId, increment);
  }

  private putGoaway(code: number): void {
    const at = this.output.frame(8, FRAME.goaway, 0, 0);
    writeU32(this.output.bytes, at, this.lastPeerId);
    writeU32(this.output.bytes, at + 4, code);
  }

  private putBlock(streamId: number, block: Uint8Array, end: boolean): void {
    const ending = end ? FLAG.endStream : 0;
    let type: number = FRAME.headers;
    for (let at = 0; ; ) {
      const part = block.subarray(at, at + this.peerFrameBytes);
      at += part.length;
      const flags = (type === FRAME.headers ? ending : 0) | (at === block.length ? FLAG.endHeaders : 0);
      const position = this.output.frame(part.length, type, flags, streamId);
      this.output.bytes.set(part, position);
      if (at === block.length) return;
      type = FRAME.continuation;
    }
  }

  private giveConnectionCredit(): void {
    if (this.received < WINDOW_CONNECTION / 4) return;
    this.sendWindowUpdate(0, this.received);
    this.received = 0;
    this.schedule();
  }

  /** Frames what windows and the socket allow; streams take turns, one frame each. */
  private pump(): void {
    while (this.sending.size > 0) {
      let moved = false;
      for (const stream of this.sending) {
        if (this.pumpFrame(stream)) moved = true;
        if (stream.queued === 0 && (stream.ending === undefined || stream.localEnded))
          this.sending.delete(stream);
        if (stream.queued === 0) stream.wake();
      }
      if (!this.output.hasRoom) this.output.flush();
      if (!moved || this.output.blocked) break;
    }
    this.schedule();
  }

  private pumpStream(stream: Stream): void {
    while (this.pumpFrame(stream)) {
      if (!this.output.hasRoom) this.output.flush();
    }
    this.schedule();
  }

  /** One frame of one stream; false when there is nothing to send or no window for it. */
  private pumpFrame(stream: Stream): boolean {
    if (stream.dead || stream.localEnded) return false;
    if (stream.queued === 0) return this.pumpEnding(stream);
    if (!this.output.hasRoom) return false;
    const length = Math.min(stream.queued, stream.sendWindow, this.sendWindow, this.peerFrameBytes);
    if (length <= 0) return false;
    const end = stream.ending === "data" && length === stream.queued;
    const at = this.output.frame(length, FRAME.data, end ? FLAG.endStream : 0, stream.id);
    stream.dequeueInto(this.output.bytes, at, length);
    stream.sendWindow -= length;
    this.sendWindow -= length;
    if (end) this.endLocal(stream);
    return true;
  }

  private pumpEnding(stream: Stream): boolean {
    if (stream.ending === undefined) return false;
    if (stream.ending === "data") this.output.frame(0, FRAME.data, FLAG.endStream, stream.id);
    else this.putBlock(stream.id, stream.ending, true);
    this.endLocal(stream);
    return true;
  }

  /** Writes go out once per turn of the event loop's microtasks, so that HEADERS, DATA and trailers share one. */
  private schedule(): void {
    if (this.flushing || this.isClosed) return;
    this.flushing = true;
    queueMicrotask(() => {
      this.flushing = false;
      if (!this.isClosed) this.output.flush();
    });
  }

  // ---- the end of streams

  private endLocal(stream: Stream): void {
    stream.localEnded = true;
    stream.wake();
    // The answer is complete: what the client still sends is of no use (RFC 9113, 8.1).
    if (this.role === "server" && !stream.remoteEnded) this.putU32(FRAME.rstStream, stream.id, H2.noError);
    if (this.role === "server") stream.remoteEnded = true;
    this.releaseIfOver(stream);
  }

  private releaseIfOver(stream: Stream): void {
    if (stream.localEnded && stream.remoteEnded && !stream.dead) this.kill(stream);
  }

  private kill(stream: Stream): void {
    stream.dead = true;
    stream.discardQueue();
    stream.wake();
    this.sending.delete(stream);
    if (!this.streams.delete(stream.id) || this.isClosed) return;
    this.owner.released?.();
    if (this.leaving && this.streams.size === 0) this.closeSoon();
  }

  private closeSoon(): void {
    queueMicrotask(() => {
      if (!this.isClosed && this.output.pending === 0) this.close();
      else if (!this.isClosed) setTimeout(() => this.close(), 100).unref();
    });
  }
}

function withoutPadding(flags: number, payload: Uint8Array): Uint8Array {
  if ((flags & FLAG.padded) === 0) return payload;
  const padding = payload[0] ?? payload.length;
  if (padding >= payload.length) throw new ConnectionFault(H2.protocolError, "padding");
  return payload.subarray(1, payload.length - padding);
}

function resetError(code: number): SkiffError {
  const message = `stream reset by peer (${code})`;
  if (code === H2.cancel) return new SkiffError("canceled", message);
  if (code === H2.refusedStream) return new SkiffError("unavailable", message);
  if (code === H2.enhanceYourCalm) return new SkiffError("resource_exhausted", message);
  return new SkiffError("internal", message);
}

function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
