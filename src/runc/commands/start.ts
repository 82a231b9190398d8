/** start: lets a created container go on to its program. */
import { startContainer } from "../container/start.ts";
import { openContainer } from "../container/state.ts";
import type { RuncContext } from "../context.ts";
import { parseFlags } from "../options.ts";
import { onlyId } from "./words.ts";

export async function start(context: RuncContext, argv: readonly string[]): Promise<number> {
  const id = onlyId("start", parseFlags(argv, {}));
  await startContainer(openContainer(context.root, id));
  return 0;
}
