/** The Task service, in process: see contracts/shim/task.ts for what it promises. Each verb of some length has its own file. */
import { constants } from "node:os";
import type { Resources } from "../contracts/oci/spec.ts";
import type { ExecTask, Exit, ProcessRef, TaskEvent, TaskService } from "../contracts/shim/task.ts";
import { SkiffError } from "../lib/errors.ts";
import { createTask } from "./create.ts";
import { deleteProcess } from "./delete.ts";
import { callRuntime } from "./launch.ts";
import { checkIdentifier, createRecords } from "./records.ts";
import { recoverTasks } from "./recover.ts";
import { startProcess } from "./start.ts";
import { checkTransition } from "./states.ts";
import { cgroupsOf, readStats } from "./stats.ts";
import { stdioWords } from "./stdio.ts";
import { createProcess, findProcess, findTask, type Shim, type ShimParts, stateOf } from "./tasks.ts";

export type { ShimParts } from "./tasks.ts";

const { EINVAL, ENOTTY, ESRCH } = constants.errno;

function addExec(shim: Shim, request: ExecTask): void {
  const { namespace, id, execId, spec, stdio } = request;
  const task = findTask(shim, namespace, id);
  checkIdentifier("exec", execId);
  checkTransition("exec", task.init.status);
  if (task.execs.has(execId)) throw new SkiffError("already_exists", `id ${execId}: already exists`);
  stdioWords(stdio); // refuses what `start` could not open
  const ref = { namespace, id, execId };
  const record = shim.records.createExec(ref, { stdio, spec: Buffer.from(spec).toString() });
  task.execs.set(execId, createProcess(ref, stdio, task.request.bundle, record));
  shim.emit({ namespace, id, topic: "/tasks/exec-added", execId });
}

async function killProcess(shim: Shim, ref: ProcessRef, signal: number, all: boolean): Promise<void> {
  const { task, process } = findProcess(shim, ref);
  if (process.status === "stopped") throw new SkiffError("not_found", "process already finished");
  if (all && ref.execId === "")
    return callRuntime(task.runtime, "kill", (runtime) => runtime.kill(ref.id, signal, true));
  if (process.supervisor === undefined) throw new SkiffError("failed_precondition", "process not created");
  const errno = await process.supervisor.signal(signal);
  if (errno === ESRCH) throw new SkiffError("not_found", "process already finished");
  if (errno === EINVAL) throw new SkiffError("invalid_argument", `kill ${ref.id}: invalid signal ${signal}`);
  if (errno !== 0) throw new SkiffError("unknown", `kill ${ref.id}: errno ${errno}`);
}

async function waitProcess(shim: Shim, ref: ProcessRef, signal?: AbortSignal): Promise<Exit> {
  const { stopped } = findProcess(shim, ref).process;
  if (signal === undefined) return stopped.promise;
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(new SkiffError("canceled", `wait for ${ref.id}: canceled`));
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([stopped.promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function setPaused(shim: Shim, namespace: string, id: string, verb: "pause" | "resume"): Promise<void> {
  const { runtime, init } = findTask(shim, namespace, id);
  return init.serial(async () => {
    checkTransition(verb, init.status);
    await callRuntime(runtime, verb, (it) => it[verb](id));
    if (init.exit === undefined) init.status = verb === "pause" ? "paused" : "running";
    shim.emit({ namespace, id, topic: verb === "pause" ? "/tasks/paused" : "/tasks/resumed" });
  });
}

async function updateTask(shim: Shim, namespace: string, id: string, resources: Resources): Promise<void> {
  const { runtime, init } = findTask(shim, namespace, id);
  checkTransition("update", init.status);
  await callRuntime(runtime, "update", (it) => it.update(id, resources));
}

async function resize(shim: Shim, ref: ProcessRef, columns: number, rows: number): Promise<void> {
  const { process } = findProcess(shim, ref);
  if (process.status === "stopped") {
    throw new SkiffError("failed_precondition", "cannot resize a stopped container");
  }
  const errno = (await process.supervisor?.resize(columns, rows)) ?? 0;
  /* As containerd: without a terminal there is nothing to resize. */
  if (errno !== 0 && errno !== ENOTTY) throw new SkiffError("unknown", `resize ${ref.id}: errno ${errno}`);
}

export function createTaskService(parts: ShimParts): TaskService {
  const listeners = new Set<(event: TaskEvent) => void>();
  const emit = (event: TaskEvent): void => {
    for (const listener of [...listeners]) listener(event);
  };
  const shim: Shim = { parts, records: createRecords(parts.stateDir), tasks: new Map(), emit };
  return {
    create: (request) => createTask(shim, request),
    start: async (ref) => startProcess(shim, ref),
    exec: async (request) => addExec(shim, request),
    state: async (ref) => stateOf(findProcess(shim, ref).process),
    list: async (namespace) =>
      [...shim.tasks.values()]
        .filter((task) => task.request.namespace === namespace && task.init.pid !== 0)
        .map((task) => stateOf(task.init)),
    kill: (ref, signal, all) => killProcess(shim, ref, signal, all),
    delete: async (ref) => deleteProcess(shim, ref),
    wait: (ref, signal) => waitProcess(shim, ref, signal),
    pids: async (namespace, id) =>
      callRuntime(findTask(shim, namespace, id).runtime, "ps", (runtime) => runtime.pids(id)),
    pause: async (namespace, id) => setPaused(shim, namespace, id, "pause"),
    resume: async (namespace, id) => setPaused(shim, namespace, id, "resume"),
    update: (namespace, id, resources) => updateTask(shim, namespace, id, resources),
    stats: async (namespace, id) => {
      const { init } = findTask(shim, namespace, id);
      checkTransition("stat", init.status);
      return readStats(cgroupsOf(init.pid));
    },
    resizePty: (ref, columns, rows) => resize(shim, ref, columns, rows),
    closeStdin: async (ref) => void (await findProcess(shim, ref).process.supervisor?.closeStdin()),
    onEvent(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    recover: () => recoverTasks(shim),
  };
}
