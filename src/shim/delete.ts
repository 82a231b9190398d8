/** delete: takes a stopped process's record, and with init everything that `create` made. */
import type { Exit, ProcessRef } from "../contracts/shim/task.ts";
import { unmakeTask } from "./create.ts";
import { checkTransition } from "./states.ts";
import { findProcess, type Process, type Shim, type Task, taskKey } from "./tasks.ts";

const SIGKILL = 9;

/** A process that never ran has no exit; containerd answers zeros. */
function exitOf(process: Process): Exit {
  return process.exit ?? { pid: process.pid, exitStatus: 0, exitedAtNs: 0n };
}

async function deleteInit(shim: Shim, task: Task): Promise<void> {
  const { init, execs, request } = task;
  if (init.status === "created" && init.supervisor !== undefined) {
    await init.supervisor.signal(SIGKILL);
    await init.stopped.promise;
  }
  for (const exec of execs.values()) if (exec.status === "running") await exec.supervisor?.signal(SIGKILL);
  await unmakeTask(shim, task, false);
  shim.tasks.delete(taskKey(request.namespace, request.id));
}

export function deleteProcess(shim: Shim, ref: ProcessRef): Promise<Exit> {
  const { task, process } = findProcess(shim, ref);
  const { namespace, id, execId } = ref;
  return process.serial(async () => {
    findProcess(shim, ref); // a delete before us in the queue has taken it
    checkTransition("delete", process.status);
    if (execId === "") {
      await deleteInit(shim, task);
    } else {
      task.execs.delete(execId);
      process.record.remove();
    }
    const exit = exitOf(process);
    /* As containerd: an exec'ed process goes without a word. */
    if (execId === "") shim.emit({ namespace, id, topic: "/tasks/delete", execId, exit });
    return exit;
  });
}
