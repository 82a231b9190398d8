/** Turns a runtime's `Launch` into a supervised process, and a runtime's failure into containerd's words. */
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Launch, OciRuntime } from "../contracts/oci/runtime.ts";
import { codeOf, messageOf, SkiffError } from "../lib/errors.ts";
import type { TraceContext } from "../lib/trace.ts";
import { createCommandRuntime, lastLogError } from "./command-runtime.ts";
import { recordPlanTrace } from "./plan-trace.ts";
import { spawnSupervisor } from "./supervisor.ts";
import { type Process, type Shim, type Task, taskKey } from "./tasks.ts";

/** What runc puts in front of its own errors; our in-process runtime leaves it to us. */
const RUNC_WORDS: Readonly<Record<string, string>> = {
  create: "runc create failed: ",
  exec: "exec failed: ",
};
const IN_PROCESS = "skiff-runc";

/** `OCI runtime create failed: runc create failed: …`: Docker's users know these words, and so do scripts. */
export function runtimeError(runtime: OciRuntime, verb: string, error: unknown): SkiffError {
  const words = runtime.name === IN_PROCESS ? (RUNC_WORDS[verb] ?? "") : "";
  const message = `OCI runtime ${verb} failed: ${words}${messageOf(error)}`;
  return new SkiffError(codeOf(error), message, { cause: error });
}

/** Calls a verb of the runtime; its failure gets containerd's words. */
export async function callRuntime<T>(
  runtime: OciRuntime,
  verb: string,
  body: (runtime: OciRuntime) => Promise<T>,
): Promise<T> {
  try {
    return await body(runtime);
  } catch (error) {
    throw runtimeError(runtime, verb, error);
  }
}

/** The runtime that a task's options name: in process, or a command line. */
export function selectRuntime(shim: Shim, request: Task["request"], init: Process): OciRuntime {
  const { namespace, options } = request;
  const root = join(shim.parts.stateDir, "..", basename(options.binaryName) || IN_PROCESS, namespace);
  if (options.binaryName === "") return shim.parts.createRuntime({ root: options.root || root });
  return createCommandRuntime({
    options,
    root,
    process: (execId) => {
      const task = shim.tasks.get(taskKey(namespace, request.id));
      const process = execId === "" ? init : task?.execs.get(execId);
      if (process === undefined) throw new SkiffError("not_found", `process ${execId} not found`);
      return { directory: process.record.directory, terminal: process.stdio.terminal };
    },
  });
}

function launchWords(process: Process, launch: Launch): string[] {
  if (launch.kind === "plan") {
    writeFileSync(join(process.record.directory, "plan"), launch.plan, { mode: 0o600 });
    return ["--plan", "plan"];
  }
  const console = launch.consoleSocket === undefined ? [] : ["--console-socket", launch.consoleSocket];
  return ["--pid-file", launch.pidFile, ...console, "--", ...launch.argv];
}

/** Starts the supervisor and through it the process; on return `process.pid` is known. */
export async function launchProcess(
  shim: Shim,
  process: Process,
  stdioWords: readonly string[],
  launch: Launch,
  context: TraceContext | undefined,
): Promise<void> {
  const { tracer, initPath } = shim.parts;
  const { ref, record } = process;
  const id = ref.execId === "" ? ref.id : `${ref.id} ${ref.execId}`;
  const words = [...stdioWords, ...launchWords(process, launch)];
  const spawn = () => spawnSupervisor({ initPath, id, directory: record.directory, words });
  try {
    process.supervisor = await tracer.span(context, "supervisor spawn", spawn);
  } catch (error) {
    const told = launch.kind === "command" ? lastLogError(launch.logFile) : "";
    throw told === "" ? error : new SkiffError("unknown", told, { cause: error });
  }
  process.pid = process.supervisor.pid;
  recordPlanTrace(tracer, context, process.supervisor.trace);
}
