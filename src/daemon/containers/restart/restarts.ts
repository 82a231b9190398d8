/** Restarts that are due: 100 ms after the exit, twice as long after each further one, at most a minute; anew once it ran for ten seconds. */
import type { Timers } from "../../../lib/clock.ts";

const DELAY_MS_MIN = 100;
const DELAY_MS_MAX = 60_000;
const STABLE_MS = 10_000;

/** `beforeMs`: the last delay, 0 for none. */
export function nextDelayMs(beforeMs: number, ranMs: number): number {
  if (beforeMs === 0 || ranMs >= STABLE_MS) return DELAY_MS_MIN;
  return Math.min(beforeMs * 2, DELAY_MS_MAX);
}

export interface Restarts {
  /** The daemon has recovered. Before, nothing is scheduled: recovery itself starts what has to run. */
  open(): void;
  /** Calls `again` when the container's next delay is over. `ranMs`: how long it has run. */
  schedule(id: string, ranMs: number, again: () => void): void;
  /** Nothing is due any more, and the next delay is the shortest. */
  forget(id: string): void;
  /** The daemon ends: what is due stays so in the records, and is made up for at its next start. */
  close(): void;
}

export function createRestarts(timers: Timers): Restarts {
  const delays = new Map<string, number>();
  const due = new Map<string, () => void>();
  let working = false;
  return {
    open() {
      working = true;
    },
    schedule(id, ranMs, again) {
      if (!working) return;
      due.get(id)?.();
      const delayMs = nextDelayMs(delays.get(id) ?? 0, ranMs);
      delays.set(id, delayMs);
      const fire = () => {
        due.delete(id);
        again();
      };
      due.set(id, timers.after(delayMs, fire));
    },
    forget(id) {
      due.get(id)?.();
      due.delete(id);
      delays.delete(id);
    },
    close() {
      working = false;
      for (const cancel of due.values()) cancel();
      due.clear();
    },
  };
}
