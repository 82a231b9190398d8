/** Bytes of committed snapshots: they never change, so each is asked for once. */
import { codeOf } from "../../lib/errors.ts";
import { BoundedMap } from "./bounded.ts";
import type { ImageClients } from "./clients.ts";

export interface Usages {
  /** Of this snapshot alone, without its parents; 0 when there is none. */
  of(chainId: string): Promise<number>;
}

export function createUsages({ snapshots }: Pick<ImageClients, "snapshots">, snapshotter: string): Usages {
  const known = new BoundedMap<number>(4096);
  return {
    async of(key) {
      const cached = known.get(key);
      if (cached !== undefined) return cached;
      try {
        const size = Number((await snapshots.usage({ snapshotter, key })).size);
        known.set(key, size);
        return size;
      } catch (error) {
        if (codeOf(error) === "not_found") return 0;
        throw error;
      }
    },
  };
}
