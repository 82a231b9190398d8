/** The Task service of foreign shims: each call goes to the shim whose task it names. Their events come another way (events.ts). */
import type { Any } from "@bufbuild/protobuf/wkt";
import type { ProcessRef, TaskService } from "../../../contracts/shim/task.ts";
import { SkiffError } from "../../../lib/errors.ts";
import type { ForeignTasks } from "./foreign.ts";
import { exitOf, stateOf } from "./foreign-task.ts";

/** Type URLs by which shims know what an Any's JSON is. */
const OCI = "types.containerd.io/opencontainers/runtime-spec/1";

export interface ForeignTaskService extends Omit<TaskService, "create" | "stats" | "onEvent" | "recover"> {
  stats(namespace: string, id: string): Promise<Any>;
}

export function foreignTaskService(tasks: ForeignTasks): ForeignTaskService {
  const clientOf = (namespace: string, id: string) => tasks.get(namespace, id).client;
  const named = ({ id, execId }: ProcessRef) => ({ id, execId });
  return {
    start: (ref) => clientOf(ref.namespace, ref.id).start(named(ref)),
    async exec(request) {
      const spec = { typeUrl: `${OCI}/Process`, value: request.spec };
      await clientOf(request.namespace, request.id).exec({ ...named(request), ...request.stdio, spec });
    },
    state: (ref) => stateOf(tasks.get(ref.namespace, ref.id), ref),
    async list(namespace) {
      const all = tasks.all(namespace).map((task) => stateOf(task, { namespace, id: task.id, execId: "" }));
      // One whose shim dies meanwhile is left out.
      const settled = await Promise.allSettled(all);
      return settled.flatMap((state) => (state.status === "fulfilled" ? [state.value] : []));
    },
    async kill(ref, signal, all) {
      await clientOf(ref.namespace, ref.id).kill({ ...named(ref), signal, all });
    },
    async delete(ref) {
      const task = tasks.get(ref.namespace, ref.id);
      const exit = exitOf(await task.client.delete(named(ref)));
      if (ref.execId === "") await tasks.forget(task);
      return exit;
    },
    wait: async (ref, signal) =>
      exitOf(await clientOf(ref.namespace, ref.id).wait(named(ref), signal === undefined ? {} : { signal })),
    pids: async (namespace, id) =>
      (await clientOf(namespace, id).pids({ id })).processes.map(({ pid }) => pid),
    async pause(namespace, id) {
      await clientOf(namespace, id).pause({ id });
    },
    async resume(namespace, id) {
      await clientOf(namespace, id).resume({ id });
    },
    async update(namespace, id, resources) {
      const value = Buffer.from(JSON.stringify(resources));
      await clientOf(namespace, id).update({ id, resources: { typeUrl: `${OCI}/LinuxResources`, value } });
    },
    async stats(namespace, id) {
      const { stats } = await clientOf(namespace, id).stats({ id });
      if (stats === undefined) throw new SkiffError("unknown", `task ${id}: its shim answers no counters`);
      return stats;
    },
    async resizePty(ref, width, height) {
      await clientOf(ref.namespace, ref.id).resizePty({ ...named(ref), width, height });
    },
    async closeStdin(ref) {
      await clientOf(ref.namespace, ref.id).closeIO({ ...named(ref), stdin: true });
    },
  };
}
