/** Bodies of answers: read whole within a bound, piece by piece with a bound on silence, or dropped. */
import { SkiffError } from "../../../lib/errors.ts";

/** Longest silence within a body before the connection counts as lost. */
export const IDLE_MS_MAX = 60_000;

export function discard(response: Response): void {
  response.body?.cancel().catch(() => {});
}

function silence(ms: number): { readonly promise: Promise<never>; stop(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  const timer = setTimeout(() => reject(new DOMException("no data", "TimeoutError")), ms);
  return { promise, stop: () => clearTimeout(timer) };
}

/** Leaving the iteration ends the connection. */
export async function* pieces(response: Response, idleMs = IDLE_MS_MAX): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const idle = silence(idleMs);
      const { done, value } = await Promise.race([reader.read(), idle.promise]).finally(() => idle.stop());
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** @throws resource_exhausted when there is more than `limit` bytes */
export async function readBounded(response: Response, limit: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const piece of pieces(response)) {
    size += piece.length;
    if (size > limit) throw new SkiffError("resource_exhausted", `answer is longer than ${limit} bytes`);
    parts.push(piece);
  }
  return Buffer.concat(parts);
}
