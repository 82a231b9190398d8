/** Running containers: gRPC in front, the Task service of contracts/shim behind, in the same process. */
import { parseJsonAny } from "../../contracts/containerd/any.ts";
import { Tasks } from "../../contracts/containerd/gen/tasks_pb.ts";
import { TASK_STATUS } from "../../contracts/containerd/tasks.ts";
import { timestampOf } from "../../contracts/containerd/timestamps.ts";
import type { Resources } from "../../contracts/oci/spec.ts";
import type { ProcessRef, ProcessState } from "../../contracts/shim/task.ts";
import { implement } from "../../wire/h2/server.ts";
import { namespaceOf } from "../core/context.ts";
import { parseFilters } from "../core/filters.ts";
import { createTask, type TasksParts } from "./tasks-create.ts";
import { metricsOf } from "./tasks-metrics.ts";

function toProcess(state: ProcessState) {
  return {
    containerId: state.id,
    id: state.execId === "" ? state.id : state.execId,
    pid: state.pid,
    status: TASK_STATUS[state.status],
    stdin: state.stdio.stdin,
    stdout: state.stdio.stdout,
    stderr: state.stdio.stderr,
    terminal: state.stdio.terminal,
    exitStatus: state.exitStatus,
    exitedAt: timestampOf(state.exitedAtNs),
  };
}

type Named = { readonly containerId: string; readonly execId?: string };

function refOf(request: Named, context: { readonly metadata: ReadonlyMap<string, string> }): ProcessRef {
  return { namespace: namespaceOf(context), id: request.containerId, execId: request.execId ?? "" };
}

export function tasksService(parts: TasksParts) {
  const { tasks, bundles } = parts;
  const remove = async (ref: ProcessRef) => {
    const exit = await tasks.delete(ref);
    if (ref.execId === "") bundles.remove(ref.namespace, ref.id);
    const { pid, exitStatus } = exit;
    return {
      id: ref.execId === "" ? ref.id : ref.execId,
      pid,
      exitStatus,
      exitedAt: timestampOf(exit.exitedAtNs),
    };
  };
  return implement(Tasks, {
    create: (request, context) => createTask(parts, namespaceOf(context), request, context.trace),
    list: async (_request, context) => ({ tasks: (await tasks.list(namespaceOf(context))).map(toProcess) }),
    get: async (request, context) => ({ process: toProcess(await tasks.state(refOf(request, context))) }),
    start: (request, context) => tasks.start(refOf(request, context)),
    async wait(request, context) {
      const { exitStatus, exitedAtNs } = await tasks.wait(refOf(request, context), context.signal);
      return { exitStatus, exitedAt: timestampOf(exitedAtNs) };
    },
    async kill(request, context) {
      await tasks.kill(refOf(request, context), request.signal, request.all);
      return {};
    },
    delete: (request, context) => remove(refOf(request, context)),
    deleteProcess: (request, context) => remove(refOf(request, context)),
    async exec(request, context) {
      const { stdin, stdout, stderr, terminal } = request;
      const spec = request.spec?.value ?? new Uint8Array();
      await tasks.exec({ ...refOf(request, context), spec, stdio: { stdin, stdout, stderr, terminal } });
      return {};
    },
    async pause(request, context) {
      await tasks.pause(namespaceOf(context), request.containerId);
      return {};
    },
    async resume(request, context) {
      await tasks.resume(namespaceOf(context), request.containerId);
      return {};
    },
    async resizePty(request, context) {
      await tasks.resizePty(refOf(request, context), request.width, request.height);
      return {};
    },
    async closeIO(request, context) {
      if (request.stdin) await tasks.closeStdin(refOf(request, context));
      return {};
    },
    async listPids(request, context) {
      const pids = await tasks.pids(namespaceOf(context), request.containerId);
      return { processes: pids.map((pid) => ({ pid })) };
    },
    async update(request, context) {
      const resources = parseJsonAny(request.resources, "task resources") as Resources;
      await tasks.update(namespaceOf(context), request.containerId, resources);
      return {};
    },
    async metrics(request, context) {
      const namespace = namespaceOf(context);
      const filter = parseFilters(request.filters);
      const wanted = (await tasks.list(namespace)).filter(
        ({ id, status }) =>
          status !== "stopped" &&
          filter(([field]) => (field === "id" ? id : field === "namespace" ? namespace : undefined)),
      );
      return {
        metrics: await metricsOf(
          tasks,
          namespace,
          wanted.map(({ id }) => id),
        ),
      };
    },
  });
}
