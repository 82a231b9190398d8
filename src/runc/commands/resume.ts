/** resume: thaws a paused container. */
import { SkiffError } from "../../lib/errors.ts";
import { openContainer } from "../container/state.ts";
import type { RuncContext } from "../context.ts";
import { parseFlags } from "../options.ts";
import { onlyId } from "./words.ts";

export async function resume(context: RuncContext, argv: readonly string[]): Promise<number> {
  const container = openContainer(context.root, onlyId("resume", parseFlags(argv, {})));
  if (container.state().status !== "paused")
    throw new SkiffError("failed_precondition", "container not paused");
  await container.cgroups.freeze(false);
  return 0;
}
