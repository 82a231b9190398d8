/** Time, injected wherever behaviour depends on it, so that tests can hold it still. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Nanoseconds since the epoch; the low digits are monotonic within the process, so that order is kept. */
  nowNs(): bigint;
}

export interface Timers {
  /** Calls back once, so many milliseconds from now, unless the answer has been called before. Keeps no process alive. */
  after(milliseconds: number, callback: () => void): () => void;
}

/** What setTimeout can hold: 24 days. A longer wait ends then. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export const systemTimers: Timers = Object.freeze({
  after(milliseconds: number, callback: () => void) {
    const timer = setTimeout(callback, Math.min(milliseconds, TIMER_MS_MAX)).unref();
    return () => clearTimeout(timer);
  },
});

const startNs = BigInt(Date.now()) * 1_000_000n - BigInt(Bun.nanoseconds());

export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  nowNs: () => startNs + BigInt(Bun.nanoseconds()),
});

/** RFC 3339 with nanoseconds as Go prints it: trailing zeros of the fraction dropped. */
export function rfc3339Nano(ns: bigint): string {
  const seconds = ns / 1_000_000_000n;
  const fraction = (ns % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  const date = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return fraction === "" ? `${date}Z` : `${date}.${fraction}Z`;
}
