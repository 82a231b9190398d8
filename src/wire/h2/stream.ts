/** One stream of a connection: its two flow-control windows and what waits to be sent. */
import type { SkiffError } from "../../lib/errors.ts";
import type { HeaderField } from "./hpack-table.ts";

/** What a stream's owner (the gRPC layer) hears. After `failed`, or both ends, nothing more. */
export interface StreamListener {
  headers(fields: readonly HeaderField[], end: boolean): void;
  /** The part is the listener's to keep; credit for it is given by `Connection.consumed`. */
  data(part: Uint8Array, end: boolean): void;
  /** Reset by the peer, or the connection is lost. */
  failed(error: SkiffError): void;
}

export class Stream {
  listener: StreamListener | undefined;
  /** Bytes the peer may still send. */
  receiveWindow: number;
  /** Bytes consumed here and not yet given back to the peer. */
  owed = 0;
  localEnded = false;
  remoteEnded = false;
  /** Reset by one side: its late frames are ignored. */
  dead = false;

  private readonly queue: Uint8Array[] = [];
  private queueHead = 0;
  private headOffset = 0;
  /** Bytes in the queue. */
  queued = 0;
  /** What follows the queue: an empty END_STREAM, or trailers. */
  ending: Uint8Array | "data" | undefined;
  private waiters: (() => void)[] = [];

  constructor(
    readonly id: number,
    /** Bytes we may send; SETTINGS may make it negative. */
    public sendWindow: number,
    receiveWindow: number,
  ) {
    this.receiveWindow = receiveWindow;
  }

  enqueue(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.queue.push(piece);
    this.queued += piece.length;
  }

  /** Moves `length` queued bytes into `target`. */
  dequeueInto(target: Uint8Array, at: number, length: number): void {
    let offset = at;
    let left = length;
    while (left > 0) {
      const piece = this.queue[this.queueHead]!;
      const take = Math.min(left, piece.length - this.headOffset);
      target.set(
        take === piece.length ? piece : piece.subarray(this.headOffset, this.headOffset + take),
        offset,
      );
      offset += take;
      left -= take;
      this.headOffset += take;
      if (this.headOffset < piece.length) break;
      this.headOffset = 0;
      this.queueHead++;
    }
    if (this.queueHead === this.queue.length) {
      this.queue.length = 0;
      this.queueHead = 0;
    }
    this.queued -= length;
  }

  discardQueue(): void {
    this.queue.length = 0;
    this.queueHead = 0;
    this.headOffset = 0;
    this.queued = 0;
    this.ending = undefined;
  }

  /** Resolves when the queue has been framed, or the stream is over. */
  sent(): Promise<void> {
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  wake(): void {
    if (this.waiters.length === 0) return;
    const waiters = this.waiters;
    this.waiters = [];
    for (const resolve of waiters) resolve();
  }
}
