/** What every verb is given: the services it works with and the directories it may use. */
import type { Kernel } from "../../kernel/kernel.ts";
import type { Clock, Timers } from "../../lib/clock.ts";
import type { IdSource } from "../../lib/ids.ts";
import type { Tracer } from "../../lib/trace.ts";
import type { Attachments } from "./attachments.ts";
import type { ContainerRecord } from "./container.ts";
import type { HostDefaults } from "./defaults.ts";
import type { Locks } from "./locks.ts";
import type {
  Definitions,
  EventLog,
  ImageSource,
  Networks,
  RootFilesystems,
  TaskControls,
  Tasks,
  VolumeStore,
} from "./ports.ts";
import type { Registry } from "./registry.ts";
import type { Restarts } from "./restart/restarts.ts";
import type { RootFiles } from "./root/files.ts";
import type { HostFacts } from "./spec/build.ts";
import type { Waiters } from "./waiters.ts";

export interface Paths {
  readonly dataRoot: string;
  readonly execRoot: string;
}

/** Services from outside: `main.ts` of the daemon makes them. */
export interface OuterParts {
  readonly images: ImageSource;
  readonly volumes: VolumeStore;
  readonly networks: Networks;
  readonly events: EventLog;
  readonly tasks: Tasks;
  readonly controls: TaskControls;
  readonly definitions: Definitions;
  readonly roots: RootFilesystems;
  readonly files: RootFiles;
  readonly kernel: Kernel;
  readonly host: HostFacts;
  readonly defaults: HostDefaults;
  /** Names `--runtime` may have. */
  readonly runtimes: readonly string[];
  readonly paths: Paths;
  readonly tracer: Tracer;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly ids: IdSource;
  /** A line for the daemon's log. */
  readonly log: (message: string) => void;
}

export interface Parts extends OuterParts {
  readonly registry: Registry;
  readonly locks: Locks;
  readonly waiters: Waiters;
  readonly restarts: Restarts;
  readonly attachments: Attachments;
}

/** Kept for the container's life: hostname, hosts, resolv.conf, log. */
export function containerDir(paths: Paths, id: string): string {
  return `${paths.dataRoot}/containers/${id}`;
}

export function logPath(paths: Paths, id: string): string {
  return `${containerDir(paths, id)}/${id}-json.log`;
}

/** Kept while it runs: its sockets. */
export function runDir(paths: Paths, id: string): string {
  return `${paths.execRoot}/containers/${id}`;
}

export function stdioPath(paths: Paths, id: string, execId = ""): string {
  return `${runDir(paths, id)}/${execId === "" ? "stdio" : execId}.sock`;
}

/** Tells the events stream, with the attributes Docker gives to container events: labels, image, name. */
export function publish(
  parts: Pick<Parts, "events">,
  container: ContainerRecord,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  const { Labels, Image } = container.config;
  parts.events.publish("container", action, container.id, {
    ...Labels,
    image: Image,
    name: container.name,
    ...attributes,
  });
}
