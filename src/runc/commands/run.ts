/** run: create and start in one. Without poststart hooks nobody has to wait between the two, so there is no gate. */
import { deleteContainer } from "../container/delete.ts";
import { startContainer } from "../container/start.ts";
import { openContainer } from "../container/state.ts";
import type { RuncContext } from "../context.ts";
import { runPlan, runPlanInForeground } from "../executor.ts";
import { BOOLEAN, parseFlags } from "../options.ts";
import { CREATE_FLAGS, checkConsole, type Prepared, prepare, writePidFile } from "./launch.ts";
import { onlyId } from "./words.ts";

const FLAGS = { ...CREATE_FLAGS, detach: { ...BOOLEAN, short: "d" }, keep: BOOLEAN, "no-subreaper": BOOLEAN };
async function runForeground(
  context: RuncContext,
  id: string,
  { plan, preserveFds, hasPoststart }: Prepared,
  pidFile: string | undefined,
): Promise<number> {
  const onStarted = async (pid: number): Promise<void> => {
    writePidFile(pidFile, pid);
    if (hasPoststart) await startContainer(openContainer(context.root, id));
  };
  const needed = pidFile !== undefined || hasPoststart;
  return (await runPlanInForeground({ plan, preserveFds, ...(needed ? { onStarted } : {}) })).status;
}

export async function run(context: RuncContext, argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(argv, FLAGS);
  const id = onlyId("run", parsed);
  const consoleSocket = parsed.value("console-socket");
  const pidFile = parsed.value("pid-file");
  const detached = parsed.has("detach");
  const prepared = prepare(context, parsed, id, true);
  let keep = detached || parsed.has("keep");
  try {
    checkConsole(prepared.process, consoleSocket, detached);
    if (!detached) return await runForeground(context, id, prepared, pidFile);
    const { plan, preserveFds } = prepared;
    const { pid } = runPlan({
      plan,
      preserveFds,
      wait: false,
      ...(consoleSocket === undefined ? {} : { consoleSocket }),
    });
    writePidFile(pidFile, pid);
    if (prepared.hasPoststart) await startContainer(openContainer(context.root, id));
    return 0;
  } catch (error) {
    keep = false;
    throw error;
  } finally {
    if (!keep)
      await deleteContainer(context.root, id, true).catch((error: Error) => context.log.warn(error.message));
  }
}
