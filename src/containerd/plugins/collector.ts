/** The collector at work: soon after something became unreachable, or at once when a client waits for it. */
import type { Database } from "bun:sqlite";
import type { Clock } from "../../lib/clock.ts";
import { codeOf, messageOf } from "../../lib/errors.ts";
import type { Collector } from "../core/collector.ts";
import { type GraphNode, mark } from "../core/gc.ts";
import type { Snapshotter } from "../core/snapshots.ts";
import { expireLeases, readGraph } from "../metadata/graph.ts";
import type { LocalContentStore } from "./content/store.ts";

/** Deletions come in bursts: one collection serves them all. */
const DELAY_MS = 250;
/** Leases and ingests grow old without anybody telling. */
const INTERVAL_MS = 3600_000;

export interface CollectorParts {
  readonly database: Database;
  readonly content: LocalContentStore;
  /** By name. */
  readonly snapshotters: ReadonlyMap<string, Snapshotter>;
  readonly clock: Clock;
  readonly log: (message: string) => void;
}

/** Children first: a snapshot with children cannot go. */
function childrenFirst(snapshots: readonly GraphNode[]): GraphNode[] {
  const parents = new Map(snapshots.map(({ node, parent }) => [node, parent]));
  const depth = ({ node }: GraphNode): number => {
    let steps = 0;
    for (let at: string | undefined = node; at !== undefined && parents.has(at); at = parents.get(at))
      steps++;
    return steps;
  };
  return snapshots.toSorted((a, b) => depth(b) - depth(a));
}

export function createCollector(parts: CollectorParts): Collector {
  const { database, content, snapshotters, clock, log } = parts;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let working: Promise<void> = Promise.resolve();
  let isTidy = false;

  const remove = async ({ namespace, snapshotter, id }: GraphNode): Promise<void> => {
    try {
      await snapshotters.get(snapshotter)?.remove(namespace, id);
    } catch (error) {
      // In use again, or gone already.
      if (!["not_found", "failed_precondition"].includes(codeOf(error)))
        log(`collect snapshot ${id}: ${messageOf(error)}`);
    }
  };

  const pass = async (): Promise<void> => {
    expireLeases(database, clock.now());
    const graph = readGraph(database);
    const alive = mark(graph);
    const gone = graph.nodes.filter(({ node }) => !alive.has(node));
    database.transaction(() => {
      for (const { namespace, snapshotter, id } of gone) {
        if (snapshotter === "")
          database.query("DELETE FROM content WHERE namespace = ? AND digest = ?").run(namespace, id);
      }
    })();
    content.sweep();
    // Asked for all at once: each is gone from the database before anything else can begin.
    await Promise.all(childrenFirst(gone.filter(({ snapshotter }) => snapshotter !== "")).map(remove));
    if (isTidy) return;
    isTidy = true;
    // What a crash left on disk.
    for (const snapshotter of snapshotters.values())
      snapshotter.cleanup().catch((error: unknown) => log(`clean up snapshots: ${messageOf(error)}`));
  };

  const collect = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    working = working.then(pass, pass);
    return working;
  };
  const schedule = (): void => {
    timer ??= setTimeout(() => {
      collect().catch((error: unknown) => log(`collect garbage: ${messageOf(error)}`));
    }, DELAY_MS);
  };
  setInterval(schedule, INTERVAL_MS).unref();
  return { schedule, collect };
}
