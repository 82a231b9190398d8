/**
 * After a restart: makes the tasks anew from the records, finds their supervisors, and tells the exits that nobody heard.
 *
 *     supervisor lives                → created, running or paused
 *     no supervisor, `exit`           → stopped; the event goes out unless `reported`
 *     no supervisor, `pid`, no `exit` → the supervisor was killed: the rest of the container is, too
 *     no supervisor, no `pid`         → create was cut short: unmade (init) or still to be started (exec)
 */
import type { Stdio } from "../contracts/shim/task.ts";
import { unmakeTask } from "./create.ts";
import { abandonProcess, settleExit, watchExit } from "./exits.ts";
import { selectRuntime } from "./launch.ts";
import type { ProcessRecord, TaskRecord } from "./records.ts";
import { findSupervisor, type Supervisor } from "./supervisor.ts";
import { createProcess, type Process, type Shim, type Task, taskKey } from "./tasks.ts";

const NO_STDIO: Stdio = { terminal: false, stdin: "", stdout: "", stderr: "" };

/** A supervisor that was spawned just before we died may not listen yet. */
const SPAWN_MS_MAX = 1000;

async function findPatiently(shim: Shim, record: ProcessRecord): Promise<Supervisor | undefined> {
  const found = await findSupervisor(record.directory);
  const age = shim.parts.clock.now() - record.createdMs();
  if (found !== undefined || record.pid() !== 0 || age > SPAWN_MS_MAX) return found;
  await Bun.sleep(SPAWN_MS_MAX - Math.max(age, 0));
  return findSupervisor(record.directory);
}

async function reconnect(shim: Shim, task: Task, process: Process): Promise<void> {
  const { record } = process;
  process.supervisor = await findPatiently(shim, record);
  /* In this order: a supervisor that ends between the two has left its exit. */
  const exit = process.supervisor === undefined ? record.exit() : undefined;
  process.pid = process.supervisor?.pid ?? record.pid();
  if (process.supervisor !== undefined) {
    /* An exec'ed process that lives has been started; init may still wait for it. */
    process.status = process.ref.execId !== "" || record.has("started") ? "running" : "created";
    watchExit(shim, task, process);
  } else if (exit !== undefined) {
    settleExit(shim, process, exit, record.has("reported"));
  } else if (process.pid !== 0) {
    await abandonProcess(shim, task, process);
  }
}

/** Only the runtime knows whether a container is paused, or was let go just before we died. */
async function askRuntime(task: Task): Promise<void> {
  const { init, runtime, request } = task;
  if (init.status === "stopped") return;
  const state = await runtime.state(request.id).catch(() => undefined);
  if (state?.status === "paused") init.status = "paused";
  if (state?.status === "running" && init.status === "created") {
    init.status = "running";
    init.record.mark("started");
  }
}

async function recoverTask(shim: Shim, { request }: TaskRecord): Promise<void> {
  const { namespace, id, bundle } = request;
  const make = (execId: string, stdio: Stdio, record: ProcessRecord): Process =>
    createProcess({ namespace, id, execId }, stdio, bundle, record);
  const init = make("", request.stdio, shim.records.init(namespace, id));
  const task: Task = { request, runtime: selectRuntime(shim, request, init), init, execs: new Map() };
  await reconnect(shim, task, init);
  if (init.pid === 0) return unmakeTask(shim, task, true);
  await askRuntime(task);
  for (const { execId, record } of shim.records.execs(namespace, id)) {
    const process = make(execId, record.exec()?.stdio ?? NO_STDIO, record);
    task.execs.set(execId, process);
    await reconnect(shim, task, process);
  }
  shim.tasks.set(taskKey(namespace, id), task);
}

/** Throws the first failure, after all tasks have been tried. */
export async function recoverTasks(shim: Shim): Promise<void> {
  const known = (record: TaskRecord): boolean =>
    shim.tasks.has(taskKey(record.request.namespace, record.request.id));
  const recovered = await Promise.allSettled(
    shim.records
      .tasks()
      .filter((record) => !known(record))
      .map((record) => recoverTask(shim, record)),
  );
  /* One that fails does not keep the others from coming back. */
  for (const result of recovered) if (result.status === "rejected") throw result.reason;
}
