/** Tasks.Metrics: one metric per task. */
import { codeOf } from "../../lib/errors.ts";
import type { Runtimes } from "../plugins/runtimes/runtimes.ts";

async function metricOf(tasks: Runtimes, namespace: string, id: string) {
  const stats = await tasks.stats(namespace, id);
  const now = BigInt(Date.now());
  const timestamp = { seconds: now / 1000n, nanos: Number(now % 1000n) * 1_000_000 };
  return { id, timestamp, data: stats };
}

/** One metric per task; a task that goes meanwhile is left out. */
export async function metricsOf(tasks: Runtimes, namespace: string, ids: readonly string[]) {
  const found = await Promise.all(
    ids.map((id) =>
      metricOf(tasks, namespace, id).catch((error: unknown) => {
        if (codeOf(error) === "not_found") return undefined;
        throw error;
      }),
    ),
  );
  return found.filter((metric) => metric !== undefined);
}
