/** Time that stands still until a test moves it: clock and timers in one. */
import type { Clock, Timers } from "./clock.ts";

interface Due {
  readonly atMs: number;
  readonly callback: () => void;
}

export class ManualTime implements Clock, Timers {
  #nowMs: number;
  readonly #due = new Set<Due>();

  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  nowNs(): bigint {
    return BigInt(this.#nowMs) * 1_000_000n;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const due = { atMs: this.#nowMs + milliseconds, callback };
    this.#due.add(due);
    return () => void this.#due.delete(due);
  }

  /** Milliseconds until each timer that is set, the soonest first. */
  get waits(): readonly number[] {
    return [...this.#due].map(({ atMs }) => atMs - this.#nowMs).sort((a, b) => a - b);
  }

  /** Moves on, and calls what is due in its order. Promises settle afterwards: `await` something. */
  advance(milliseconds: number): void {
    const endMs = this.#nowMs + milliseconds;
    for (;;) {
      const next = [...this.#due].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#due.delete(next);
      this.#nowMs = next.atMs;
      next.callback();
    }
    this.#nowMs = endMs;
  }
}
