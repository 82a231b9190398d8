/** The Task service as clients of containerd see it: tasks of our own shim in process, and those of foreign shims over ttrpc. */
import type { Any } from "@bufbuild/protobuf/wkt";
import { packMetrics } from "../../../contracts/containerd/metrics.ts";
import { unpackRuntimeOptions } from "../../../contracts/containerd/tasks.ts";
import type { CreateTask, TaskService } from "../../../contracts/shim/task.ts";
import { findShim } from "./binary.ts";
import type { ForeignTasks } from "./foreign.ts";
import { foreignTaskService } from "./foreign-service.ts";

/** What our own shim is; a container that names another runtime gets that runtime's shim. */
export const OWN_RUNTIME = "io.containerd.skiff.v1";
/** What every client asks for by default: ours does the same, and honours the same options. */
const STAND_IN = "io.containerd.runc.v2";

export interface NewTask extends Omit<CreateTask, "options"> {
  readonly runtime: string;
  readonly options: Any | undefined;
}

export interface Runtimes extends Omit<TaskService, "create" | "stats"> {
  /** @throws not_found for a runtime that is not installed */
  create(request: NewTask): Promise<{ readonly pid: number }>;
  /** The container's counters as a cgroup message of containerd. */
  stats(namespace: string, id: string): Promise<Any>;
}

export function createRuntimes(own: TaskService, foreign: ForeignTasks): Runtimes {
  const theirs = foreignTaskService(foreign);
  const at = (namespace: string, id: string) => (foreign.has(namespace, id) ? theirs : own);
  return {
    async create({ runtime, options, ...request }) {
      const create = { ...request, options: unpackRuntimeOptions(options) };
      if (runtime === OWN_RUNTIME || runtime === STAND_IN) return own.create(create);
      return foreign.create(findShim(runtime, process.env["PATH"] ?? ""), create, options);
    },
    start: (ref) => at(ref.namespace, ref.id).start(ref),
    exec: (request) => at(request.namespace, request.id).exec(request),
    state: (ref) => at(ref.namespace, ref.id).state(ref),
    list: async (namespace) => [...(await own.list(namespace)), ...(await theirs.list(namespace))],
    kill: (ref, signal, all) => at(ref.namespace, ref.id).kill(ref, signal, all),
    delete: (ref) => at(ref.namespace, ref.id).delete(ref),
    wait: (ref, signal) => at(ref.namespace, ref.id).wait(ref, signal),
    pids: (namespace, id) => at(namespace, id).pids(namespace, id),
    pause: (namespace, id) => at(namespace, id).pause(namespace, id),
    resume: (namespace, id) => at(namespace, id).resume(namespace, id),
    update: (namespace, id, resources) => at(namespace, id).update(namespace, id, resources),
    resizePty: (ref, columns, rows) => at(ref.namespace, ref.id).resizePty(ref, columns, rows),
    closeStdin: (ref) => at(ref.namespace, ref.id).closeStdin(ref),
    onEvent: (listener) => own.onEvent(listener),
    async stats(namespace, id) {
      if (foreign.has(namespace, id)) return theirs.stats(namespace, id);
      return packMetrics(await own.stats(namespace, id));
    },
    async recover() {
      await Promise.all([own.recover(), foreign.recover()]);
    },
  };
}
