/** delete: removes what is left of a container; --force kills it first and does not mind if there is none. */
import { codeOf } from "../../lib/errors.ts";
import { deleteContainer } from "../container/delete.ts";
import type { RuncContext } from "../context.ts";
import { BOOLEAN, parseFlags } from "../options.ts";
import { firstId } from "./words.ts";

export async function remove(context: RuncContext, argv: readonly string[]): Promise<number> {
  const flags = { force: { ...BOOLEAN, short: "f" } };
  const parsed = parseFlags(argv, flags);
  const id = firstId("delete", parsed);
  const force = parsed.has("force") || parseFlags(parsed.words.slice(1), flags).has("force");
  try {
    await deleteContainer(context.root, id, force);
  } catch (error) {
    if (!force || codeOf(error) !== "not_found") throw error;
  }
  return 0;
}
