/** Measuring by comparison: variants of one operation run in turn, so that the machine's moods hit all of them alike. */

export interface Variant {
  readonly name: string;
  /** One operation; what it costs is what this takes. */
  run(): Promise<void>;
  /** Undoes it; not measured. */
  after?(): Promise<void>;
}

export interface Figure {
  readonly name: string;
  /** Milliseconds. */
  readonly median: number;
  readonly min: number;
  readonly runs: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** `rounds` interleaved rounds after one that warms caches and is not counted. */
export async function interleave(variants: readonly Variant[], rounds: number): Promise<Figure[]> {
  const times = new Map(variants.map((variant) => [variant.name, [] as number[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const variant of variants) {
      const startedNs = Bun.nanoseconds();
      await variant.run();
      const passedMs = (Bun.nanoseconds() - startedNs) / 1e6;
      await variant.after?.();
      if (round > 0) times.get(variant.name)!.push(passedMs);
    }
  }
  return [...times].map(([name, list]) => ({
    name,
    median: median(list),
    min: Math.min(...list),
    runs: list.length,
  }));
}

/** Runs a program without capturing more than its failure. */
export async function exec(argv: readonly string[], env?: Record<string, string>): Promise<void> {
  const child = Bun.spawn([...argv], {
    stdio: ["ignore", "ignore", "pipe"],
    ...(env === undefined ? {} : { env }),
  });
  const code = await child.exited;
  if (code !== 0) throw new Error(`${argv.join(" ")}: exit ${code}: ${await child.stderr.text()}`);
}
