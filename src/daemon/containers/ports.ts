/**
 * What the containers need from the rest of skiffd and from the layer below, declared by who needs it. `main.ts` of the daemon hands in the
 * implementations; tests hand in their own.
 */
import type { Healthcheck } from "../../contracts/engine/container.ts";
import type { Spec } from "../../contracts/oci/spec.ts";
import type { TraceContext } from "../../lib/trace.ts";
import type { EndpointSettings, HostConfig } from "./config.ts";
import type { ContainerImage, ContainerRecord } from "./container.ts";

/** An image made ready to lie under a container: found, and unpacked as far as `image.chainId`. */
export interface ImageForContainer {
  readonly image: ContainerImage;
  /** The image configuration's `config`: untrusted, completed by `mergeConfig`. */
  readonly config: ImageDefaults;
}

/** OCI image configuration, as far as a container inherits it. */
export interface ImageDefaults {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>> | null;
  readonly Env?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Volumes?: Readonly<Record<string, object>> | null;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly StopSignal?: string;
  readonly Healthcheck?: Healthcheck | null;
  readonly OnBuild?: readonly string[] | null;
  readonly Shell?: readonly string[] | null;
}

export interface ImageSource {
  /** @throws not_found in Docker's words (`No such image: x:latest`). */
  forContainer(reference: string, platform: string, trace?: TraceContext): Promise<ImageForContainer>;
}

export interface Volume {
  readonly name: string;
  readonly driver: string;
  readonly mountpoint: string;
}

export interface VolumeStore {
  /** Finds or makes; a name of "" makes an anonymous one. */
  acquire(
    name: string,
    driver: string,
    options: Readonly<Record<string, string>>,
    labels: Readonly<Record<string, string>>,
  ): Promise<Volume>;
  /** Removes a volume that no container uses any more; missing is fine. */
  discard(name: string): Promise<void>;
  /** Makes the container's volumes ready at their mountpoints, before it starts. Twice is fine. */
  attach(container: ContainerRecord): void;
  /** After it has ended. */
  detach(container: ContainerRecord): void;
}

export interface EventLog {
  publish(type: "container", action: string, id: string, attributes: Readonly<Record<string, string>>): void;
}

/** A network as the container sees it, for inspect, list and files. */
export interface EndpointState {
  readonly NetworkID: string;
  readonly EndpointID: string;
  readonly Gateway: string;
  readonly IPAddress: string;
  readonly IPPrefixLen: number;
  readonly IPv6Gateway: string;
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  readonly MacAddress: string;
  readonly DNSNames: readonly string[] | null;
}

export interface ContainerNetwork {
  /** Path of the network namespace; absent: the host's. */
  readonly netns?: string;
  /** "" for none of its own. */
  readonly sandboxId: string;
  readonly endpoints: Readonly<Record<string, EndpointState>>;
  /** By `80/tcp`; null: exposed and not published. */
  readonly ports: Readonly<Record<string, readonly { HostIp: string; HostPort: string }[] | null>>;
  /** Text of the container's /etc/hosts and /etc/resolv.conf. */
  readonly hosts: string;
  readonly resolvConf: string;
}

export interface Networks {
  /** Asked at create, of what is wrong in itself; a network that is not there is an error at start. @throws invalid_argument */
  check(hostConfig: HostConfig, endpoints: ContainerRecord["endpoints"]): Promise<void>;
  /** Makes namespace, endpoints, ports. Undoes itself when it fails. */
  attach(container: ContainerRecord, trace?: TraceContext): Promise<ContainerNetwork>;
  /** Undoes `attach`; nothing attached is fine. */
  detach(containerId: string): Promise<void>;
  /** A running container's place in one more network. @throws in Docker's words, with nothing changed */
  connect(containerId: string, network: string, settings: EndpointSettings): Promise<ContainerNetwork>;
  disconnect(containerId: string, network: string): Promise<ContainerNetwork>;
  /** The container answers to another name. */
  rename(containerId: string, name: string): void;
  /** Name of a network given by name, id or beginning of an id; undefined when it is not there. */
  nameOf(reference: string): string | undefined;
  /** What `attach` made; undefined when not attached. */
  stateOf(containerId: string): ContainerNetwork | undefined;
  /** After a restart of skiffd: takes over what is still there for these containers, removes the rest. */
  recover(running: readonly ContainerRecord[]): Promise<void>;
}

/** Stdio of a process as containerd wants it: "" or a URI. */
export interface TaskStdio {
  readonly terminal: boolean;
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TaskState {
  readonly id: string;
  readonly pid: number;
  readonly status: "created" | "running" | "stopped" | "paused" | "unknown";
  readonly exitStatus: number;
  readonly exitedAtNs: bigint;
}

export interface TaskExit {
  readonly exitStatus: number;
  readonly exitedAtNs: bigint;
}

/** The running side: containerd's tasks of namespace `moby`. `execId` "" is the container's own process. */
export interface Tasks {
  create(id: string, stdio: TaskStdio, trace?: TraceContext): Promise<number>;
  start(id: string, execId: string, trace?: TraceContext): Promise<number>;
  exec(
    id: string,
    execId: string,
    process: NonNullable<Spec["process"]>,
    stdio: TaskStdio,
    trace?: TraceContext,
  ): Promise<void>;
  /** undefined: no such task. */
  state(id: string, execId: string): Promise<TaskState | undefined>;
  list(): Promise<readonly TaskState[]>;
  kill(id: string, execId: string, signal: number): Promise<void>;
  /** undefined: there was none. */
  delete(id: string, execId: string): Promise<TaskExit | undefined>;
  resize(id: string, execId: string, width: number, height: number): Promise<void>;
}

/** Rarer things done to a task. */
export interface TaskControls {
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  pids(id: string): Promise<readonly number[]>;
  update(id: string, resources: NonNullable<NonNullable<Spec["linux"]>["resources"]>): Promise<void>;
  metrics(id: string): Promise<TaskMetrics | undefined>;
}

/** Counters of a task's cgroup; times in nanoseconds, sizes in bytes. */
export interface TaskMetrics {
  readonly version: 1 | 2;
  readonly pids: { readonly current: number; readonly limit: number };
  readonly cpu: {
    readonly total: number;
    readonly kernel: number;
    readonly user: number;
    readonly perCpu: readonly number[];
    readonly periods: number;
    readonly throttledPeriods: number;
    readonly throttledTime: number;
  };
  readonly memory: {
    readonly usage: number;
    readonly maxUsage: number;
    readonly limit: number;
    readonly failures: number;
    readonly stats: Readonly<Record<string, number>>;
  };
  readonly io: readonly {
    readonly major: number;
    readonly minor: number;
    readonly op: string;
    readonly value: number;
  }[];
}

/** What containerd keeps of a container while it is started. */
export interface Definition {
  readonly id: string;
  readonly image: string;
  /** A name skiffd was configured with; "" is the default runtime. */
  readonly runtime: string;
  readonly spec: Spec;
}

export interface Definitions {
  /** Replaces what a crash may have left. */
  put(definition: Definition, trace?: TraceContext): Promise<void>;
  remove(id: string): Promise<void>;
  list(): Promise<readonly string[]>;
}

/** A writable snapshot per container, with the container's id as key, and its mount at `<data-root>/rootfs/<id>`. */
export interface RootFilesystems {
  prepare(id: string, chainId: string, trace?: TraceContext): Promise<void>;
  /** Mounts it unless it is; answers the mount point. */
  mount(id: string, trace?: TraceContext): Promise<string>;
  unmount(id: string): Promise<void>;
  remove(id: string): Promise<void>;
  /** Directories of an overlay, the nearest below first; undefined when it is none. */
  layers(id: string): Promise<{ readonly upper: string; readonly lowers: readonly string[] } | undefined>;
}

/** Whatever happens to tasks, in order. */
export type TaskEvent =
  | {
      readonly kind: "exit";
      readonly id: string;
      readonly execId: string;
      readonly exitStatus: number;
      readonly exitedAtNs: bigint;
    }
  | { readonly kind: "oom"; readonly id: string }
  | { readonly kind: "paused" | "resumed"; readonly id: string }
  /** The stream was (re)connected: what was missed must be looked up. */
  | { readonly kind: "connected" };

export interface TaskEvents {
  subscribe(signal: AbortSignal): AsyncIterable<TaskEvent>;
}
