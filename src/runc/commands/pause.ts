/** pause: freezes every process of the container. */
import { SkiffError } from "../../lib/errors.ts";
import { openContainer } from "../container/state.ts";
import type { RuncContext } from "../context.ts";
import { parseFlags } from "../options.ts";
import { onlyId } from "./words.ts";

export async function pause(context: RuncContext, argv: readonly string[]): Promise<number> {
  const container = openContainer(context.root, onlyId("pause", parseFlags(argv, {})));
  const { status } = container.state();
  if (status !== "running" && status !== "created") {
    throw new SkiffError("failed_precondition", "container not running");
  }
  await container.cgroups.freeze(true);
  return 0;
}
