/** What the services of skiff-containerd are made of; main.ts makes it once. */
import type { Database } from "bun:sqlite";
import type { Clock } from "../lib/clock.ts";
import type { IdSource } from "../lib/ids.ts";
import type { Tracer } from "../lib/trace.ts";
import type { EventBus } from "./core/events.ts";
import type { StreamRegistry } from "./core/streams.ts";
import type { Runtimes } from "./plugins/runtimes/runtimes.ts";

export interface ContainerdParts {
  /** Kept over reboots: metadata.db, blobs, ingest, snapshots. */
  readonly root: string;
  /** Lost at reboot: bundles, the shim's records. */
  readonly state: string;
  readonly database: Database;
  readonly events: EventBus;
  readonly streams: StreamRegistry;
  readonly tasks: Runtimes;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly tracer: Tracer;
  /** A line for the daemon's log. */
  readonly log: (message: string) => void;
}
