/** Whoever waits for a container to exit or to go. */
export interface ExitReport {
  readonly StatusCode: number;
  readonly Error?: { readonly Message: string };
}

type Moment = "exit" | "removed";

export interface Waiters {
  /** Resolves at the next such moment; the signal only makes us forget the waiter. */
  next(id: string, moment: Moment, signal: AbortSignal): Promise<ExitReport>;
  notify(id: string, moment: Moment, report: ExitReport): void;
}

export function createWaiters(): Waiters {
  const waiting = new Map<string, Set<(report: ExitReport) => void>>();
  return {
    next(id, moment, signal) {
      const key = `${moment} ${id}`;
      const set = waiting.get(key) ?? new Set();
      waiting.set(key, set);
      return new Promise((resolve) => {
        set.add(resolve);
        signal.addEventListener("abort", () => {
          set.delete(resolve);
          if (set.size === 0 && waiting.get(key) === set) waiting.delete(key);
        });
      });
    },
    notify(id, moment, report) {
      const set = waiting.get(`${moment} ${id}`);
      waiting.delete(`${moment} ${id}`);
      for (const resolve of set ?? []) resolve(report);
    },
  };
}
