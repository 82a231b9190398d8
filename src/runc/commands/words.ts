/** Positional words of a verb. */
import { SkiffError } from "../../lib/errors.ts";
import type { Parsed } from "../options.ts";

/** Exactly one word, the container's id. */
export function onlyId(verb: string, parsed: Parsed): string {
  const [id] = parsed.words;
  if (parsed.words.length !== 1 || id === undefined) {
    throw new SkiffError("invalid_argument", `runc: "${verb}" requires exactly 1 argument(s)`);
  }
  return id;
}

export function firstId(verb: string, parsed: Parsed): string {
  const [id] = parsed.words;
  if (id === undefined)
    throw new SkiffError("invalid_argument", `runc: "${verb}" requires a minimum of 1 argument(s)`);
  return id;
}
