/** One ttrpc connection: frames in, frames out. A peer that does not read its answers is cut at a bound. */
import { SkiffError } from "../../lib/errors.ts";
import type { Transport, TransportEvents } from "../h2/transport.ts";
import { createFrameReader, encodeFrame, type Frame } from "./frames.ts";

const PENDING_BYTES_MAX = 16 * 1024 * 1024;

export interface FrameListener {
  frame(frame: Frame): void;
  /** Comes exactly once. */
  closed(): void;
}

export class FrameConnection implements TransportEvents {
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #open = true;
  readonly #read: (bytes: Uint8Array) => void;

  constructor(
    private readonly transport: Transport,
    private readonly listener: FrameListener,
  ) {
    this.#read = createFrameReader((frame) => listener.frame(frame));
  }

  /** @throws unavailable when the connection is gone. */
  send(stream: number, type: number, body: Uint8Array): void {
    if (!this.#open) throw new SkiffError("unavailable", "ttrpc: closed");
    const bytes = encodeFrame(stream, type, body);
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.drain();
    if (this.#pendingBytes > PENDING_BYTES_MAX) this.close();
  }

  data(bytes: Uint8Array): void {
    try {
      this.#read(bytes);
    } catch {
      // No ttrpc: nothing that could be answered.
      this.close();
    }
  }

  drain(): void {
    for (let head = this.#pending[0]; head !== undefined; head = this.#pending[0]) {
      const taken = this.transport.write(head);
      this.#pendingBytes -= taken;
      if (taken < head.length) {
        this.#pending[0] = head.subarray(taken);
        return;
      }
      this.#pending.shift();
    }
  }

  closed(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#pending = [];
    this.listener.closed();
  }

  close(): void {
    this.transport.close();
    this.closed();
  }
}
