/** What comes in on a connection: pulled by one reader at a time, read ahead only so far. */
import type { SkiffError } from "../../lib/errors.ts";
import { LIMITS } from "./limits.ts";

/** What an inlet does to its socket. */
export interface Flow {
  pause(): void;
  resume(): void;
}

export class Inlet {
  readonly #flow: Flow;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #paused = false;
  #ended = false;
  #error: SkiffError | undefined;
  #wake: (() => void) | undefined;

  constructor(flow: Flow) {
    this.#flow = flow;
  }

  /** Bytes came; the buffer must not be used again by its owner. */
  push(bytes: Buffer): void {
    if (this.#ended || bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    if (!this.#paused && this.#bytes >= LIMITS.readAheadBytes) {
      this.#paused = true;
      this.#flow.pause();
    }
    this.#notify();
  }

  /** The peer sends no more, or (with an error) the connection broke. */
  end(error?: SkiffError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#notify();
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The next bytes; undefined at the end. @throws what `end` was given, after everything that had come. */
  async read(): Promise<Buffer | undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#bytes -= chunk.length;
        if (this.#paused && this.#bytes < LIMITS.readAheadBytes / 2) {
          this.#paused = false;
          this.#flow.resume();
        }
        return chunk;
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#ended) return undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  /** Gives back what was read too far. */
  unread(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#chunks.unshift(bytes);
    this.#bytes += bytes.length;
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
