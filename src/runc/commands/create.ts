/** create: makes the container; its init waits at the gate for `start`. */
import { deleteContainer } from "../container/delete.ts";
import type { RuncContext } from "../context.ts";
import { runPlan } from "../executor.ts";
import { parseFlags } from "../options.ts";
import { CREATE_FLAGS, checkConsole, prepare, writePidFile } from "./launch.ts";
import { onlyId } from "./words.ts";

export async function create(context: RuncContext, argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(argv, CREATE_FLAGS);
  const id = onlyId("create", parsed);
  const consoleSocket = parsed.value("console-socket");
  const { plan, process, preserveFds } = prepare(context, parsed, id, false);
  try {
    checkConsole(process, consoleSocket, true);
    const { pid } = runPlan({
      plan,
      preserveFds,
      wait: false,
      ...(consoleSocket === undefined ? {} : { consoleSocket }),
    });
    writePidFile(parsed.value("pid-file"), pid);
  } catch (error) {
    await deleteContainer(context.root, id, true).catch(() => undefined);
    throw error;
  }
  return 0;
}
