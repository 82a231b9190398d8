/** Puts the containers together from what the daemon's `main.ts` has: a channel to containerd, a database, the neighbours, the options. */
import type { Database } from "bun:sqlite";
import { Containers as ContainersService } from "../../contracts/containerd/gen/containers_pb.ts";
import { Events } from "../../contracts/containerd/gen/events_service_pb.ts";
import { Snapshots } from "../../contracts/containerd/gen/snapshots_pb.ts";
import { Tasks } from "../../contracts/containerd/gen/tasks_pb.ts";
import { linuxKernel } from "../../kernel/linux.ts";
import { type Clock, systemTimers } from "../../lib/clock.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { IdSource } from "../../lib/ids.ts";
import type { Tracer } from "../../lib/trace.ts";
import { type Channel, createClient } from "../../wire/h2/client.ts";
import { createDefinitions, type RuntimeEntry } from "./containerd/definitions.ts";
import { createTaskEvents } from "./containerd/events.ts";
import { createRoots } from "./containerd/roots.ts";
import { createTaskControls, createTasks } from "./containerd/tasks.ts";
import type { HostDefaults } from "./defaults.ts";
import { DEFAULT_RUNTIME, hostDefaults, readHostFacts } from "./host.ts";
import { type Containers, createContainers } from "./main.ts";
import type { EventLog, ImageSource, Networks, TaskEvents, VolumeStore } from "./ports.ts";
import { createRootFiles } from "./root/files.ts";

export const NAMESPACE = "moby";
export const SNAPSHOTTER = "overlayfs";

export interface ContainersOptions {
  readonly dataRoot: string;
  readonly execRoot: string;
  /** `--add-runtime`, daemon.json `runtimes`: name → executable. The default runtime is there anyway. */
  readonly runtimes: Readonly<Record<string, string>>;
  /** `--default-runtime`, `--default-shm-size`, `--init`, `--log-driver`, `--default-ulimit`, no bridge. */
  readonly defaults: Partial<HostDefaults>;
}

export interface ContainersParts {
  /** Its metadata says `containerd-namespace: moby`. */
  readonly channel: Channel;
  readonly database: Database;
  readonly images: ImageSource;
  readonly volumes: VolumeStore;
  readonly networks: Networks;
  readonly events: EventLog;
  readonly tracer: Tracer;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: (message: string) => void;
}

const SKIFF_SHIM = "io.containerd.skiff.v1";

/** Other runtimes are command lines to our shim; a whole shim can be named as containerd names it (`io.containerd.kata.v2`). */
function runtimeOf(runtimes: Readonly<Record<string, string>>, name: string): RuntimeEntry {
  if (name === "" || name === DEFAULT_RUNTIME) return { type: SKIFF_SHIM, path: "" };
  const path = runtimes[name];
  if (path === undefined)
    throw new SkiffError("invalid_argument", `unknown or invalid runtime name: ${name}`);
  return path.startsWith("io.containerd.") ? { type: path, path: "" } : { type: SKIFF_SHIM, path };
}

export interface OpenedContainers {
  readonly containers: Containers;
  /** For `containers.follow`. */
  readonly taskEvents: TaskEvents;
  readonly defaults: HostDefaults;
}

export function openContainers(options: ContainersOptions, parts: ContainersParts): OpenedContainers {
  const { channel, database, ...services } = parts;
  const { dataRoot, execRoot, runtimes } = options;
  const host = readHostFacts(execRoot);
  const defaults = hostDefaults(host, options.defaults);
  const tasks = createClient(Tasks, channel);
  const roots = {
    client: createClient(Snapshots, channel),
    kernel: linuxKernel,
    clock: parts.clock,
    dataRoot,
    snapshotter: SNAPSHOTTER,
  };
  const containers = createContainers(
    {
      ...services,
      tasks: createTasks(tasks),
      controls: createTaskControls(tasks),
      definitions: createDefinitions(createClient(ContainersService, channel), (name) =>
        runtimeOf(runtimes, name),
      ),
      roots: createRoots(roots),
      files: createRootFiles(linuxKernel),
      kernel: linuxKernel,
      host,
      defaults,
      runtimes: [DEFAULT_RUNTIME, ...Object.keys(runtimes)],
      paths: { dataRoot, execRoot },
      timers: systemTimers,
    },
    database,
  );
  return { containers, taskEvents: createTaskEvents(createClient(Events, channel), NAMESPACE), defaults };
}
