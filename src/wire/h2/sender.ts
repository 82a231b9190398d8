/** The outgoing half of a connection: frames, flow control, turns among streams, and one write per turn of the microtask queue. */
import {
  FLAG,
  FRAME,
  FRAME_BYTES_DEFAULT,
  FRAME_BYTES_MAX,
  SETTING,
  WINDOW_DEFAULT,
  writeU32,
} from "./frames.ts";
import { HEADER_LIST_BYTES_MAX } from "./hpack.ts";
import { Output } from "./output.ts";
import type { Stream } from "./stream.ts";
import type { Transport } from "./transport.ts";

export interface Announced {
  readonly streamWindow: number;
  readonly streamsMax: number;
}

export class Sender {
  /** Bytes the peer still takes on the whole connection. */
  window = WINDOW_DEFAULT;
  private readonly output: Output;
  /** Streams with something to send, in turn. */
  private readonly waiting = new Set<Stream>();
  private peerFrameBytes = FRAME_BYTES_DEFAULT;
  private scheduled = false;
  private stopped = false;

  constructor(
    transport: Transport,
    /** A stream's last frame from our side has been written. */
    private readonly ended: (stream: Stream) => void,
  ) {
    this.output = new Output(transport);
  }

  get pending(): number {
    return this.output.pending;
  }

  set frameBytesMax(bytes: number) {
    this.peerFrameBytes = Math.min(bytes, FRAME_BYTES_MAX);
  }

  raw(bytes: Uint8Array): void {
    this.output.raw(bytes);
    this.schedule();
  }

  /** A frame of one number: RST_STREAM, WINDOW_UPDATE. */
  number(type: number, streamId: number, value: number): void {
    const at = this.output.frame(4, type, 0, streamId);
    writeU32(this.output.bytes, at, value);
    this.schedule();
  }

  windowUpdate(streamId: number, increment: number): void {
    if (increment > 0) this.number(FRAME.windowUpdate, streamId, increment);
  }

  /** ENABLE_PUSH is a client's word (RFC 9113, 6.5.2), the number of streams a server's. */
  settings(role: "client" | "server", announced: Announced): void {
    const values: readonly (readonly [number, number])[] = [
      role === "client" ? [SETTING.enablePush, 0] : [SETTING.maxConcurrentStreams, announced.streamsMax],
      [SETTING.initialWindowSize, announced.streamWindow],
      [SETTING.maxFrameSize, FRAME_BYTES_MAX],
      [SETTING.maxHeaderListSize, HEADER_LIST_BYTES_MAX],
    ];
    let at = this.output.frame(values.length * 6, FRAME.settings, 0, 0);
    for (const [name, value] of values) {
      this.output.bytes[at] = name >>> 8;
      this.output.bytes[at + 1] = name;
      writeU32(this.output.bytes, at + 2, value);
      at += 6;
    }
    this.schedule();
  }

  acknowledge(type: number, payload?: Uint8Array): void {
    const at = this.output.frame(payload?.length ?? 0, type, FLAG.ack, 0);
    if (payload !== undefined) this.output.bytes.set(payload, at);
    this.schedule();
  }

  goaway(lastId: number, code: number): void {
    const at = this.output.frame(8, FRAME.goaway, 0, 0);
    writeU32(this.output.bytes, at, lastId);
    writeU32(this.output.bytes, at + 4, code);
    this.schedule();
  }

  /** A header block, in as many frames as the peer's limit asks for. */
  headers(streamId: number, block: Uint8Array, end: boolean): void {
    let type: number = FRAME.headers;
    for (let at = 0; ; type = FRAME.continuation) {
      const part = block.subarray(at, at + this.peerFrameBytes);
      at += part.length;
      const ending = end && type === FRAME.headers ? FLAG.endStream : 0;
      const flags = ending | (at === block.length ? FLAG.endHeaders : 0);
      const position = this.output.frame(part.length, type, flags, streamId);
      this.output.bytes.set(part, position);
      if (at === block.length) break;
    }
    this.schedule();
  }

  /** Queues data; undefined when all of it could be framed at once, else resolves when it has been. */
  send(stream: Stream, pieces: readonly Uint8Array[]): Promise<void> | undefined {
    for (const piece of pieces) stream.enqueue(piece);
    this.pumpStream(stream);
    if (stream.queued === 0) return undefined;
    this.waiting.add(stream);
    return stream.sent();
  }

  finish(stream: Stream, ending: Uint8Array | "data"): void {
    stream.ending = ending;
    this.pumpStream(stream);
    if (!stream.localEnded) this.waiting.add(stream);
  }

  forget(stream: Stream): void {
    this.waiting.delete(stream);
  }

  /** Frames what windows and the socket allow; streams take turns, one frame each. */
  pump(): void {
    while (this.waiting.size > 0) {
      let moved = false;
      for (const stream of this.waiting) {
        if (this.frame(stream)) moved = true;
        if (stream.queued > 0) continue;
        if (stream.ending === undefined || stream.localEnded) this.waiting.delete(stream);
        stream.wake();
      }
      if (!this.output.hasRoom) this.output.flush();
      if (!moved || this.output.blocked) break;
    }
    this.schedule();
  }

  drained(): void {
    this.output.drained();
    this.pump();
  }

  flush(): void {
    this.output.flush();
  }

  stop(): void {
    this.stopped = true;
    this.waiting.clear();
  }

  private pumpStream(stream: Stream): void {
    while (this.frame(stream)) {
      if (!this.output.hasRoom) this.output.flush();
    }
    this.schedule();
  }

  /** One frame of one stream; false when there is nothing to send, or no window or no room for it. */
  private frame(stream: Stream): boolean {
    if (stream.dead || stream.localEnded) return false;
    if (stream.queued === 0) return this.frameEnding(stream);
    if (!this.output.hasRoom) return false;
    const length = Math.min(stream.queued, stream.sendWindow, this.window, this.peerFrameBytes);
    if (length <= 0) return false;
    const end = stream.ending === "data" && length === stream.queued;
    const at = this.output.frame(length, FRAME.data, end ? FLAG.endStream : 0, stream.id);
    stream.dequeueInto(this.output.bytes, at, length);
    stream.sendWindow -= length;
    this.window -= length;
    if (end) this.ended(stream);
    return true;
  }

  private frameEnding(stream: Stream): boolean {
    if (stream.ending === undefined) return false;
    if (stream.ending === "data") this.output.frame(0, FRAME.data, FLAG.endStream, stream.id);
    else this.headers(stream.id, stream.ending, true);
    this.ended(stream);
    return true;
  }

  /** HEADERS, DATA and trailers of one answer, and the answers to one chunk of requests, share a write. */
  private schedule(): void {
    if (this.scheduled || this.stopped) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      if (!this.stopped) this.output.flush();
    });
  }
}
