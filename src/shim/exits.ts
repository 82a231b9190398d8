/** From a supervisor's exit frame to the exit event, exactly once, and never before the start event. */
import { readFileSync } from "node:fs";
import type { Spec } from "../contracts/oci/spec.ts";
import type { Exit } from "../contracts/shim/task.ts";
import { oomKills } from "./stats.ts";
import type { Supervisor } from "./supervisor.ts";
import type { Process, Shim, Task } from "./tasks.ts";

const SIGKILL = 9;
/** 128 + SIGKILL: what containerd says when nobody saw the end. */
const EXIT_UNKNOWN = 137;

/** Without a pid namespace of its own a container's other processes outlive its init. */
function hasOwnPidNamespace(bundle: string): boolean {
  try {
    const spec = JSON.parse(readFileSync(`${bundle}/config.json`, "utf8")) as Spec;
    const pid = spec.linux?.namespaces?.find((namespace) => namespace.type === "pid");
    return pid !== undefined && (pid.path ?? "") === "";
  } catch {
    return true; // the caller has taken the bundle away already
  }
}

async function killRest(task: Task): Promise<void> {
  await task.runtime.kill(task.request.id, SIGKILL, true).catch(() => undefined);
}

/** Marks the process stopped and tells everybody; `told`: the event went out in an earlier life. */
export function settleExit(shim: Shim, process: Process, exit: Exit, told: boolean): void {
  const { namespace, id, execId } = process.ref;
  if (process.exit !== undefined) return;
  process.exit = exit;
  process.status = "stopped";
  if (!told) {
    const oomFile = execId === "" ? process.record.oomFile() : undefined;
    if (oomFile !== undefined && oomKills(oomFile) > 0) shim.emit({ namespace, id, topic: "/tasks/oom" });
    shim.emit({ namespace, id, topic: "/tasks/exit", execId, exit });
    process.record.mark("reported");
  }
  process.stopped.resolve(exit);
}

/** The supervisor is gone and left no exit: the process has lost its stdio and its parent, so it must end. */
export async function abandonProcess(shim: Shim, task: Task, process: Process): Promise<void> {
  if (process.ref.execId === "") await killRest(task);
  const exit = { pid: process.pid, exitStatus: EXIT_UNKNOWN, exitedAtNs: shim.parts.clock.nowNs() };
  process.record.setExit(exit);
  settleExit(shim, process, exit, false);
}

async function followExit(shim: Shim, task: Task, process: Process, supervisor: Supervisor): Promise<void> {
  await supervisor.ended;
  if (process.ref.execId === "" && !hasOwnPidNamespace(process.bundle)) await killRest(task);
  const exit = await supervisor.exited;
  await process.starting;
  if (exit === undefined) await abandonProcess(shim, task, process);
  else settleExit(shim, process, exit, false);
}

/** Follows a process that runs. */
export function watchExit(shim: Shim, task: Task, process: Process): void {
  if (process.supervisor === undefined) return;
  followExit(shim, task, process, process.supervisor).catch(process.stopped.reject);
}
