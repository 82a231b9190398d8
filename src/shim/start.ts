/** start: lets a created init go on, or launches an exec'ed process. */
import type { Process as OciProcess } from "../contracts/oci/spec.ts";
import type { ProcessRef } from "../contracts/shim/task.ts";
import { watchExit } from "./exits.ts";
import { callRuntime, launchProcess } from "./launch.ts";
import { checkTransition } from "./states.ts";
import { cgroupsOf, oomFileOf } from "./stats.ts";
import { stdioWords } from "./stdio.ts";
import { findProcess, type Process, type Shim, type Task } from "./tasks.ts";

async function startInit(task: Task, process: Process): Promise<void> {
  const { id } = task.request;
  process.record.setOomFile(oomFileOf(cgroupsOf(process.pid)));
  await callRuntime(task.runtime, "start", (runtime) => runtime.start(id));
}

async function startExec(shim: Shim, task: Task, process: Process): Promise<void> {
  const { id, execId } = process.ref;
  checkTransition("exec", task.init.status);
  const spec = JSON.parse(process.record.exec()?.spec ?? "{}") as OciProcess;
  await callRuntime(task.runtime, "exec", async (runtime) => {
    const launch = await runtime.exec({ id, execId, process: spec });
    await launchProcess(shim, process, stdioWords(process.stdio), launch, undefined);
  });
  watchExit(shim, task, process);
}

export function startProcess(shim: Shim, ref: ProcessRef): Promise<{ readonly pid: number }> {
  const { task, process } = findProcess(shim, ref);
  const { namespace, id, execId } = ref;
  return process.serial(async () => {
    checkTransition("start", process.status);
    const started = Promise.withResolvers<void>();
    process.starting = started.promise;
    try {
      if (execId === "") await startInit(task, process);
      else await startExec(shim, task, process);
      process.status = "running";
      process.record.mark("started");
      if (execId === "") shim.emit({ namespace, id, topic: "/tasks/start", pid: process.pid });
      else shim.emit({ namespace, id, topic: "/tasks/exec-started", execId, pid: process.pid });
      return { pid: process.pid };
    } finally {
      started.resolve();
    }
  });
}
