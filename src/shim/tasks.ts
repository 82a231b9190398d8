/** The tasks of a shim in memory. Everything here can be made again from the records and the supervisors (recover.ts). */
import type { OciRuntime, RuntimeFactory } from "../contracts/oci/runtime.ts";
import type {
  CreateTask,
  Exit,
  ProcessRef,
  ProcessState,
  Stdio,
  TaskEvent,
  TaskServiceParts,
  TaskStatus,
} from "../contracts/shim/task.ts";
import { SkiffError } from "../lib/errors.ts";
import type { ProcessRecord, Records } from "./records.ts";
import type { Supervisor } from "./supervisor.ts";

export interface ShimParts extends TaskServiceParts {
  /** Makes the in-process runtime (skiff-runc), used unless a task's `options.binaryName` names another. */
  readonly createRuntime: RuntimeFactory;
}

export interface Shim {
  readonly parts: ShimParts;
  readonly records: Records;
  readonly tasks: Map<string, Task>;
  readonly emit: (event: TaskEvent) => void;
}

/** Runs bodies one after the other, in the order they were asked for. */
export type Serial = <T>(body: () => Promise<T>) => Promise<T>;

export interface Process {
  readonly ref: ProcessRef;
  readonly stdio: Stdio;
  readonly bundle: string;
  readonly record: ProcessRecord;
  readonly stopped: PromiseWithResolvers<Exit>;
  readonly serial: Serial;
  status: TaskStatus;
  pid: number;
  exit?: Exit;
  supervisor?: Supervisor;
  /** Pending while `start` runs: an exit is told only after the start. */
  starting: Promise<void>;
}

export interface Task {
  readonly request: CreateTask;
  readonly runtime: OciRuntime;
  readonly init: Process;
  readonly execs: Map<string, Process>;
}

function createSerial(): Serial {
  let last: Promise<unknown> = Promise.resolve();
  return (body) => {
    const result = last.then(body);
    last = result.catch(() => undefined);
    return result;
  };
}

export function createProcess(ref: ProcessRef, stdio: Stdio, bundle: string, record: ProcessRecord): Process {
  const stopped = Promise.withResolvers<Exit>();
  stopped.promise.catch(() => undefined); // nobody may be waiting
  return {
    ...{ ref, stdio, bundle, record, stopped },
    serial: createSerial(),
    status: "created",
    pid: 0,
    starting: Promise.resolve(),
  };
}

export function taskKey(namespace: string, id: string): string {
  return `${namespace}/${id}`;
}

export function findTask(shim: Shim, namespace: string, id: string): Task {
  const task = shim.tasks.get(taskKey(namespace, id));
  if (task === undefined) throw new SkiffError("not_found", `task ${id} not found`);
  return task;
}

export function findProcess(shim: Shim, ref: ProcessRef): { readonly task: Task; readonly process: Process } {
  const task = findTask(shim, ref.namespace, ref.id);
  if (ref.execId === "") return { task, process: task.init };
  const process = task.execs.get(ref.execId);
  if (process === undefined) throw new SkiffError("not_found", `process ${ref.execId} not found`);
  return { task, process };
}

export function stateOf(process: Process): ProcessState {
  const { ref, stdio, bundle, pid, status, exit } = process;
  return {
    ...{ ...ref, bundle, pid, status, stdio },
    exitStatus: exit?.exitStatus ?? 0,
    exitedAtNs: exit?.exitedAtNs ?? 0n,
  };
}
