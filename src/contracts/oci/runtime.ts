/**
 * Seam ③b: an OCI runtime, in process (`src/runc`) or as a command line (runc, crun, youki).
 *
 * `create` and `exec` do not start anything themselves: they answer what the supervisor must execute, because the supervisor must
 * become the parent of the container's process. A *plan* is run by skiff-init itself; a *command* is a runtime's command line
 * whose child the supervisor adopts (it is a child subreaper and reads the pid file).
 *
 *     create(bundle) → Launch → supervisor runs it → "created", pid → start(id) → … → delete(id)
 *
 * A failed launch must leave nothing: the shim then calls `delete(id, true)`.
 */
import type { Process, Resources } from "./spec.ts";

export type Launch =
  | {
      readonly kind: "plan";
      /** The compiled kernel plan (native/README.md draws the format). */
      readonly plan: Uint8Array;
    }
  | {
      readonly kind: "command";
      readonly argv: readonly string[];
      readonly pidFile: string;
      /** Where the runtime sends the pty master (SCM_RIGHTS); absent without a terminal. */
      readonly consoleSocket?: string;
      /** The runtime's JSON log, read for the error message when it fails. */
      readonly logFile: string;
    };

export interface RuntimeState {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: "creating" | "created" | "running" | "stopped" | "paused";
  readonly pid: number;
  readonly bundle: string;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface CreateContainer {
  readonly id: string;
  readonly bundle: string;
  readonly noPivotRoot: boolean;
  /** W3C traceparent or "": the plan's operations are then timed one by one. */
  readonly traceparent: string;
}

export interface ExecProcess {
  readonly id: string;
  readonly execId: string;
  readonly process: Process;
}

export interface OciRuntime {
  readonly name: string;
  create(request: CreateContainer): Promise<Launch>;
  exec(request: ExecProcess): Promise<Launch>;
  /** Lets a created container go on to its execve. */
  start(id: string): Promise<void>;
  state(id: string): Promise<RuntimeState>;
  /** `all`: every process of the container's cgroup. */
  kill(id: string, signal: number, all: boolean): Promise<void>;
  delete(id: string, force: boolean): Promise<void>;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  update(id: string, resources: Resources): Promise<void>;
  pids(id: string): Promise<readonly number[]>;
}

export interface RuntimeParts {
  /** 0700 directory of runtime state, lost at reboot (runc's `--root`). */
  readonly root: string;
}

export type RuntimeFactory = (parts: RuntimeParts) => OciRuntime;
