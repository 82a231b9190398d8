/** What a transfer works with, and one transfer at work. */
import type { Clock } from "../../../lib/clock.ts";
import type { IdSource } from "../../../lib/ids.ts";
import type { Collector } from "../../core/collector.ts";
import type { ContentStore } from "../../core/content.ts";
import type { Differ } from "../../core/diff.ts";
import type { ImageStore } from "../../core/images.ts";
import type { Snapshotter } from "../../core/snapshots.ts";
import type { LeaseStore } from "../../metadata/leases.ts";
import { KeyedLock } from "./locks.ts";
import type { Progress } from "./progress.ts";

export interface TransferParts {
  readonly content: ContentStore;
  readonly images: ImageStore;
  readonly leases: LeaseStore;
  /** By name, the default first. */
  readonly snapshotters: ReadonlyMap<string, Snapshotter>;
  readonly differ: Differ;
  readonly collector: Collector;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly sleep: (ms: number) => Promise<void>;
}

/** What transfers of this process have in common, so that two of one image do its work once. */
export interface Shared {
  readonly blobs: KeyedLock;
  readonly snapshots: KeyedLock;
}

export function createShared(): Shared {
  return { blobs: new KeyedLock(), snapshots: new KeyedLock() };
}

export interface Job {
  readonly parts: TransferParts;
  readonly shared: Shared;
  readonly namespace: string;
  readonly lease: string;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** The job's namespace has these bytes. */
export function hasBlob({ parts, namespace }: Job, digest: string): boolean {
  try {
    parts.content.info(namespace, digest);
    return true;
  } catch {
    return false;
  }
}

const LEASE_MS = 24 * 60 * 60 * 1000;

/**
 * Runs `work` under a lease, the call's own or one for its time, so that the collector takes nothing of what is half there. What a failed transfer
 * stored is unreachable afterwards, and collected. After a SIGKILL the lease holds it for a day, as containerd's does: the next attempt goes on from there.
 */
export async function withLease<T>(
  job: Omit<Job, "lease">,
  given: string,
  work: (job: Job) => Promise<T>,
): Promise<T> {
  if (given !== "") return work({ ...job, lease: given });
  const { leases, ids, clock, collector } = job.parts;
  const expire = `${new Date(clock.now() + LEASE_MS).toISOString().slice(0, 19)}Z`;
  const { id } = leases.create(job.namespace, `transfer-${ids.hex(16)}`, {
    "containerd.io/gc.expire": expire,
  });
  try {
    return await work({ ...job, lease: id });
  } finally {
    leases.delete(job.namespace, id);
    collector.schedule();
  }
}
