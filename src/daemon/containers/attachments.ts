/** Clients that attached before the container runs: `docker run` does. They are connected between the task's create and its start. */
import { connectStdio, type StdioConnection } from "./stdio-connection.ts";

interface Pending {
  readonly connected: (connection: StdioConnection) => void;
  readonly failed: (error: unknown) => void;
}

export interface Attachments {
  /** Resolves when the container's next start has made its stdio; rejects when that start fails. Forgotten with the signal. */
  next(id: string, signal: AbortSignal): Promise<StdioConnection>;
  /** Connects everybody who waits; returns when the supervisor knows them all. */
  connect(id: string, path: string): Promise<void>;
  fail(id: string, error: unknown): void;
}

export function createAttachments(): Attachments {
  const waiting = new Map<string, Set<Pending>>();
  const take = (id: string): Pending[] => {
    const set = waiting.get(id);
    waiting.delete(id);
    return [...(set ?? [])];
  };
  return {
    next(id, signal) {
      const set = waiting.get(id) ?? new Set();
      waiting.set(id, set);
      return new Promise((connected, failed) => {
        const pending = { connected, failed };
        set.add(pending);
        signal.addEventListener("abort", () => {
          if (set.delete(pending)) failed(signal.reason);
          if (set.size === 0 && waiting.get(id) === set) waiting.delete(id);
        });
      });
    },
    async connect(id, path) {
      await Promise.all(
        take(id).map((pending) => connectStdio(path).then(pending.connected, pending.failed)),
      );
    },
    fail(id, error) {
      for (const pending of take(id)) pending.failed(error);
    },
  };
}
