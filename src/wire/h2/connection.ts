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
  FrameReader,
  type FrameSink,
  H2,
  readU32,
  resetError,
  SETTING,
  WINDOW_DEFAULT,
  WINDOW_MAX,
  withoutPadding,
} from "./frames.ts";
import { HEADER_LIST_BYTES_MAX, HpackDecoder } from "./hpack.ts";
import { Sender } from "./sender.ts";
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
  private readonly sender: Sender;
  private readonly reader = new FrameReader(this);
  private readonly decoder = new HpackDecoder();
  private readonly streams = new Map<number, Stream>();
  private received = 0;
  private peerWindow = WINDOW_DEFAULT;
  private peerStreamsMax = Number.POSITIVE_INFINITY;
  private nextId = 1;
  private lastPeerId = 0;
  private block: OpenBlock | undefined;
  private prefaceLeft: number;
  private leaving = false;
  private isClosed = false;

  constructor(
    private readonly transport: Transport,
    private readonly role: "client" | "server",
    private readonly owner: ConnectionOwner,
  ) {
    this.sender = new Sender(transport, (stream) => this.endLocal(stream));
    this.prefaceLeft = role === "server" ? PREFACE.length : 0;
    if (role === "client") this.sender.raw(PREFACE);
    this.sender.settings(role, { streamWindow: WINDOW_STREAM, streamsMax: STREAMS_MAX });
    this.sender.windowUpdate(0, WINDOW_CONNECTION - WINDOW_DEFAULT);
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
    this.sender.headers(stream.id, block, end);
    if (end) this.endLocal(stream);
  }

  /** Queues data. The pieces must not change until sent. Undefined when all of it could be framed at once, else resolves when it has been. */
  send(stream: Stream, pieces: readonly Uint8Array[]): Promise<void> | undefined {
    if (stream.dead || this.isClosed || stream.localEnded) return undefined;
    return this.sender.send(stream, pieces);
  }

  /** Ends our side after what is queued: with trailers, or with END_STREAM alone. */
  finish(stream: Stream, trailers: Uint8Array | undefined): void {
    if (stream.dead || this.isClosed || stream.localEnded || stream.ending !== undefined) return;
    this.sender.finish(stream, trailers ?? "data");
  }

  /** The owner has taken `bytes` of a stream's data: the peer may send as many more. */
  consumed(stream: Stream, bytes: number): void {
    if (stream.remoteEnded || stream.dead) return;
    stream.owed += bytes;
    if (stream.owed < WINDOW_STREAM / 4) return;
    this.sender.windowUpdate(stream.id, stream.owed);
    stream.receiveWindow += stream.owed;
    stream.owed = 0;
  }

  /** Ends a stream at once. Its listener hears nothing more. */
  reset(stream: Stream, code: number): void {
    if (stream.dead || this.isClosed) return;
    if (!(stream.localEnded && stream.remoteEnded)) this.sender.number(FRAME.rstStream, stream.id, code);
    this.kill(stream);
  }

  /** Takes no more streams; closes when the last has ended. */
  leave(): void {
    if (this.isClosed || this.leaving) return;
    this.leaving = true;
    this.sender.goaway(this.lastPeerId, H2.noError);
    this.owner.draining();
    if (this.streams.size === 0) this.closeSoon();
  }

  /** Closes now; open streams fail with `unavailable`. */
  close(): void {
    if (this.isClosed) return;
    this.sender.flush();
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
    this.sender.drained();
  }

  closed(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.sender.stop();
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
      this.sender.goaway(this.lastPeerId, code);
      this.sender.flush();
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
      this.sender.number(FRAME.rstStream, streamId, H2.refusedStream);
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
      this.sender.window += increment;
      if (increment === 0 || this.sender.window > WINDOW_MAX) {
        throw new ConnectionFault(H2.flowControlError, "WINDOW_UPDATE");
      }
      this.sender.pump();
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
    this.sender.pump();
  }

  private settingsFrame(flags: number, streamId: number, payload: Uint8Array): void {
    if (streamId !== 0) throw new ConnectionFault(H2.protocolError, "SETTINGS on a stream");
    if (flags & FLAG.ack) return;
    if (payload.length % 6 !== 0) throw new ConnectionFault(H2.frameSizeError, "SETTINGS");
    for (let at = 0; at < payload.length; at += 6) {
      this.applySetting((payload[at]! << 8) | payload[at + 1]!, readU32(payload, at + 2));
    }
    this.sender.acknowledge(FRAME.settings);
    this.sender.pump();
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
      this.sender.frameBytesMax = value;
    } else if (name === SETTING.maxConcurrentStreams) {
      this.peerStreamsMax = value;
      this.owner.released?.();
    }
  }

  private pingFrame(flags: number, streamId: number, payload: Uint8Array): void {
    if (payload.length !== 8) throw new ConnectionFault(H2.frameSizeError, "PING");
    if (streamId !== 0) throw new ConnectionFault(H2.protocolError, "PING on a stream");
    if (flags & FLAG.ack) return;
    this.sender.acknowledge(FRAME.ping, payload);
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

  private giveConnectionCredit(): void {
    if (this.received < WINDOW_CONNECTION / 4) return;
    this.sender.windowUpdate(0, this.received);
    this.received = 0;
  }

  // ---- the end of streams

  private endLocal(stream: Stream): void {
    stream.localEnded = true;
    stream.wake();
    // The answer is complete: what the client still sends is of no use (RFC 9113, 8.1).
    if (this.role === "server" && !stream.remoteEnded)
      this.sender.number(FRAME.rstStream, stream.id, H2.noError);
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
    this.sender.forget(stream);
    if (!this.streams.delete(stream.id) || this.isClosed) return;
    this.owner.released?.();
    if (this.leaving && this.streams.size === 0) this.closeSoon();
  }

  private closeSoon(): void {
    queueMicrotask(() => {
      if (!this.isClosed && this.sender.pending === 0) this.close();
      else if (!this.isClosed) setTimeout(() => this.close(), 100).unref();
    });
  }
}
