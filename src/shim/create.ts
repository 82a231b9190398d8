/** create: mounts, runtime, supervisor; whatever was made is unmade when a later step fails. */
import type { CreateTask } from "../contracts/shim/task.ts";
import { codeOf, SkiffError } from "../lib/errors.ts";
import { parseTraceparent, type TraceContext } from "../lib/trace.ts";
import { watchExit } from "./exits.ts";
import { callRuntime, launchProcess, selectRuntime } from "./launch.ts";
import { mountRootfs, unmountRootfs } from "./mounts.ts";
import { checkIdentifier } from "./records.ts";
import { stdioWords } from "./stdio.ts";
import { createProcess, type Shim, type Task, taskKey } from "./tasks.ts";

/**
 * Removes everything a task has besides its bundle; each step bears that there is nothing to do. Always by force: its init has ended, or must.
 * `halfMade`: the create that failed has its own error to tell, and a retry must find nothing in its way.
 */
export async function unmakeTask(shim: Shim, task: Task, halfMade: boolean): Promise<void> {
  const { namespace, id, bundle, rootfs } = task.request;
  try {
    await callRuntime(task.runtime, "delete", (runtime) => runtime.delete(id, true));
  } catch (error) {
    if (!halfMade && codeOf(error) !== "not_found") throw error;
  }
  unmountRootfs(bundle, rootfs.length);
  shim.records.removeTask(namespace, id);
}

async function makeTask(
  shim: Shim,
  task: Task,
  words: readonly string[],
  context: TraceContext | undefined,
): Promise<void> {
  const { request, runtime, init } = task;
  const { id, bundle } = request;
  const { tracer } = shim.parts;
  if (request.rootfs.length > 0) {
    tracer.span(context, "mount rootfs", () => mountRootfs(bundle, request.rootfs));
  }
  await callRuntime(runtime, "create", async () => {
    const noPivotRoot = request.options.noPivotRoot;
    const traceparent = request.traceparent;
    const create = () => runtime.create({ id, bundle, noPivotRoot, traceparent });
    const launch = await tracer.span(context, `${runtime.name} create`, create);
    await launchProcess(shim, init, words, launch, context);
  });
}

export async function createTask(shim: Shim, request: CreateTask): Promise<{ readonly pid: number }> {
  const { namespace, id, bundle, stdio } = request;
  const key = taskKey(namespace, id);
  checkIdentifier("namespace", namespace);
  checkIdentifier("task", id);
  if (shim.tasks.has(key)) throw new SkiffError("already_exists", `task ${id}: already exists`);
  const words = stdioWords(stdio);
  const record = shim.records.createTask(request);
  const init = createProcess({ namespace, id, execId: "" }, stdio, bundle, record);
  const task: Task = { request, runtime: selectRuntime(shim, request, init), init, execs: new Map() };
  shim.tasks.set(key, task);
  return init.serial(() =>
    shim.parts.tracer.span(parseTraceparent(request.traceparent), "create task", async (context) => {
      try {
        await makeTask(shim, task, words, context);
      } catch (error) {
        await unmakeTask(shim, task, true).catch(() => undefined);
        shim.tasks.delete(key);
        throw error;
      }
      shim.emit({ namespace, id, topic: "/tasks/create", bundle, pid: init.pid, stdio });
      watchExit(shim, task, init);
      return { pid: init.pid };
    }),
  );
}
