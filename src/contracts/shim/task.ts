/**
 * Seam ③: the Task service.
 *
 * A *task* is the running side of a container: its init process, the processes exec'ed beside it, their stdio and their exit
 * status. Whoever holds a `TaskService` does not know whether it runs in the same process (`src/shim`, the default) or is a
 * ttrpc client of any `containerd-shim-*-v2`.
 *
 * Lifecycle of a process (init: `execId === ""`):
 *
 *     create/exec ──► created ──start──► running ──exit──► stopped ──delete──► gone
 *                        └──────────────────kill───────────────►┘
 *
 * A stopped process keeps its exit status, on disk, until `delete`. `delete` of init removes what `create` made: mounts in
 * the bundle, cgroup, runtime state, sockets. It does not remove the bundle directory itself nor the client's stdio paths:
 * who made a path removes it. Every operation may be repeated after a crash; a second `delete` answers `not_found`.
 *
 * Source: containerd's runtime v2 task API (api/runtime/task/v2, v3), whose field meanings this follows.
 */
import type { Clock } from "../../lib/clock.ts";
import type { Tracer } from "../../lib/trace.ts";
import type { Resources } from "../oci/spec.ts";
import type { CgroupStats } from "./metrics.ts";

export type TaskStatus = "created" | "running" | "stopped" | "paused" | "pausing";

/** Names one process of one task. `execId` is "" for init. */
export interface ProcessRef {
  readonly namespace: string;
  readonly id: string;
  readonly execId: string;
}

/**
 * Where a process's stdio goes; each of the three is one of
 *  - `""`: /dev/null;
 *  - an absolute path: a FIFO the client made (containerd's way);
 *  - `file:///path`: appended to (stdout and stderr);
 *  - `supervisor:///path/to.sock?…`: the supervisor listens there, keeps the log and serves attach clients (see stdio.ts).
 */
export interface Stdio {
  readonly terminal: boolean;
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** A mount the shim makes before the runtime runs: containerd's `types.Mount`. */
export interface RootfsMount {
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly options: readonly string[];
}

/** What `io.containerd.runc.v2` options carry and we honour. */
export interface RuntimeOptions {
  /** Path of a foreign OCI runtime (`/usr/sbin/crun`); "" is skiff-runc in process. */
  readonly binaryName: string;
  /** The foreign runtime's `--root`; "" is the shim's own choice. */
  readonly root: string;
  readonly systemdCgroup: boolean;
  readonly noPivotRoot: boolean;
}

export interface CreateTask {
  readonly namespace: string;
  readonly id: string;
  /** Directory with `config.json`, made by the caller, 0700. */
  readonly bundle: string;
  /** Empty: `root.path` of config.json is mounted already. Otherwise mounted in order on `<bundle>/rootfs`. */
  readonly rootfs: readonly RootfsMount[];
  readonly stdio: Stdio;
  readonly options: RuntimeOptions;
  /** W3C traceparent, or "". */
  readonly traceparent: string;
}

export interface ExecTask extends ProcessRef {
  /** OCI `process` object as JSON bytes. */
  readonly spec: Uint8Array;
  readonly stdio: Stdio;
}

export interface ProcessState extends ProcessRef {
  readonly bundle: string;
  readonly pid: number;
  readonly status: TaskStatus;
  readonly stdio: Stdio;
  /** Valid when stopped: 0–255, 128 + signal for a signal. */
  readonly exitStatus: number;
  /** Nanoseconds since the epoch; 0n while not stopped. */
  readonly exitedAtNs: bigint;
}

export interface Exit {
  readonly pid: number;
  readonly exitStatus: number;
  readonly exitedAtNs: bigint;
}

export type TaskEvent = { readonly namespace: string; readonly id: string } & (
  | { readonly topic: "/tasks/create"; readonly bundle: string; readonly pid: number; readonly stdio: Stdio }
  | { readonly topic: "/tasks/start"; readonly pid: number }
  | { readonly topic: "/tasks/exec-added"; readonly execId: string }
  | { readonly topic: "/tasks/exec-started"; readonly execId: string; readonly pid: number }
  | { readonly topic: "/tasks/exit"; readonly execId: string; readonly exit: Exit }
  | { readonly topic: "/tasks/delete"; readonly execId: string; readonly exit: Exit }
  | { readonly topic: "/tasks/paused" | "/tasks/resumed" }
  | { readonly topic: "/tasks/oom" }
);

export interface TaskService {
  create(request: CreateTask): Promise<{ readonly pid: number }>;
  start(ref: ProcessRef): Promise<{ readonly pid: number }>;
  exec(request: ExecTask): Promise<void>;
  state(ref: ProcessRef): Promise<ProcessState>;
  list(namespace: string): Promise<readonly ProcessState[]>;
  kill(ref: ProcessRef, signal: number, all: boolean): Promise<void>;
  delete(ref: ProcessRef): Promise<Exit>;
  /** Resolves when the process has stopped; at once when it has already. */
  wait(ref: ProcessRef, signal?: AbortSignal): Promise<Exit>;
  /** Host pids of every process in the container. */
  pids(namespace: string, id: string): Promise<readonly number[]>;
  pause(namespace: string, id: string): Promise<void>;
  resume(namespace: string, id: string): Promise<void>;
  update(namespace: string, id: string, resources: Resources): Promise<void>;
  /** The container's cgroup counters. */
  stats(namespace: string, id: string): Promise<CgroupStats>;
  resizePty(ref: ProcessRef, columns: number, rows: number): Promise<void>;
  closeStdin(ref: ProcessRef): Promise<void>;
  /** Everything that happens from now on, in order. The listener must not throw. Returns the unsubscriber. */
  onEvent(listener: (event: TaskEvent) => void): () => void;
  /** Compares records with the kernel after a restart and emits the exits that were missed. */
  recover(): Promise<void>;
}

/** What containerd hands to whoever makes its in-process Task service. */
export interface TaskServiceParts {
  /** 0700 directory of the service's own records, lost at reboot (`<state>/io.containerd.runtime.v2.task`). */
  readonly stateDir: string;
  /** Executable path of skiff-init, valid while this process lives (a sealed memfd). */
  readonly initPath: string;
  readonly tracer: Tracer;
  readonly clock: Clock;
}

export type TaskServiceFactory = (parts: TaskServiceParts) => TaskService;
