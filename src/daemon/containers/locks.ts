/** One operation at a time per container: later ones wait for earlier ones, in order. */
export interface Locks {
  run<T>(id: string, body: () => Promise<T>): Promise<T>;
  /** Resolves when all that has been asked for so far has ended. */
  idle(): Promise<void>;
}

export function createLocks(): Locks {
  const tails = new Map<string, Promise<unknown>>();
  return {
    async idle() {
      await Promise.all(tails.values());
    },
    run(id, body) {
      const before = tails.get(id) ?? Promise.resolve();
      const mine = before.then(body, body);
      const tail = mine.catch(() => {});
      tails.set(id, tail);
      void tail.then(() => {
        if (tails.get(id) === tail) tails.delete(id);
      });
      return mine;
    },
  };
}
