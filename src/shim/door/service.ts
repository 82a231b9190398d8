/** The ttrpc Task service in front of ours: containerd's messages in, contracts/shim/task.ts behind. Every call is of one namespace. */
import { parseJsonAny } from "../../contracts/containerd/any.ts";
import { Task } from "../../contracts/containerd/gen/shim_task_pb.ts";
import { packMetrics } from "../../contracts/containerd/metrics.ts";
import { TASK_STATUS, unpackRuntimeOptions } from "../../contracts/containerd/tasks.ts";
import { timestampOf } from "../../contracts/containerd/timestamps.ts";
import type { Resources } from "../../contracts/oci/spec.ts";
import type { Exit, ProcessRef, ProcessState, TaskService } from "../../contracts/shim/task.ts";
import { SkiffError } from "../../lib/errors.ts";
import { formatTraceparent } from "../../lib/trace.ts";
import type { CallContext, ServiceImplementation } from "../../wire/h2/api.ts";
import { implement } from "../../wire/h2/server.ts";

/** The service's names on the wire: version 3 has the same messages. */
export const TASK_SERVICES = ["containerd.task.v2.Task", "containerd.task.v3.Task"] as const;

export interface DoorParts {
  readonly tasks: TaskService;
  readonly namespace: string;
  /** A Shutdown was asked for and no task is left. */
  readonly leave: () => void;
}

const NOTHING = {};

function stateMessage({ stdio, ...state }: ProcessState) {
  return {
    ...{ id: state.id, execId: state.execId, bundle: state.bundle, pid: state.pid },
    ...{ status: TASK_STATUS[state.status], ...stdio },
    ...{ exitStatus: state.exitStatus, exitedAt: timestampOf(state.exitedAtNs) },
  };
}

function exitMessage({ pid, exitStatus, exitedAtNs }: Exit) {
  return { pid, exitStatus, exitedAt: timestampOf(exitedAtNs) };
}

export function taskDoor({ tasks, namespace, leave }: DoorParts): ServiceImplementation {
  const ref = ({ id, execId }: { id: string; execId: string }): ProcessRef => ({ namespace, id, execId });
  const done = async (work: Promise<void>) => {
    await work;
    return NOTHING;
  };
  return implement(Task, {
    async create(request, context: CallContext) {
      if (request.checkpoint !== "")
        throw new SkiffError(
          "unimplemented",
          `task ${request.id}: restore from a checkpoint is not supported`,
        );
      const { id, bundle, stdin, stdout, stderr, terminal } = request;
      const rootfs = request.rootfs.map(({ type, source, target, options }) => ({
        type,
        source,
        target,
        options,
      }));
      const options = unpackRuntimeOptions(request.options);
      const traceparent = context.trace === undefined ? "" : formatTraceparent(context.trace);
      const stdio = { terminal, stdin, stdout, stderr };
      return tasks.create({ namespace, id, bundle, rootfs, stdio, options, traceparent });
    },
    start: (request) => tasks.start(ref(request)),
    exec(request) {
      const { stdin, stdout, stderr, terminal } = request;
      const spec = request.spec?.value ?? new Uint8Array();
      return done(tasks.exec({ ...ref(request), spec, stdio: { terminal, stdin, stdout, stderr } }));
    },
    state: async (request) => stateMessage(await tasks.state(ref(request))),
    wait: async (request, context) => exitMessage(await tasks.wait(ref(request), context.signal)),
    kill: (request) => done(tasks.kill(ref(request), request.signal, request.all)),
    delete: async (request) => exitMessage(await tasks.delete(ref(request))),
    pids: async ({ id }) => ({ processes: (await tasks.pids(namespace, id)).map((pid) => ({ pid })) }),
    pause: ({ id }) => done(tasks.pause(namespace, id)),
    resume: ({ id }) => done(tasks.resume(namespace, id)),
    update: ({ id, resources }) =>
      done(tasks.update(namespace, id, parseJsonAny(resources, "task resources") as Resources)),
    stats: async ({ id }) => ({ stats: packMetrics(await tasks.stats(namespace, id)) }),
    resizePty: (request) => done(tasks.resizePty(ref(request), request.width, request.height)),
    closeIO: (request) => (request.stdin ? done(tasks.closeStdin(ref(request))) : NOTHING),
    async connect({ id }) {
      const state = await tasks.state({ namespace, id, execId: "" });
      return { shimPid: process.pid, taskPid: state.pid };
    },
    async shutdown() {
      if ((await tasks.list(namespace)).length === 0) leave();
      return NOTHING;
    },
  });
}
