/** What `pull` and `push` are asked for: one tag, or with `--all-tags` the repository. */
import { writeStdout } from "../../kernel/stdout.ts";
import { parseReference, type Reference, withDefaultTag } from "../../lib/reference.ts";
import type { Context } from "../command.ts";
import { CliError } from "../errors.ts";

/** Says which tag was meant where none was named; needs the flags `all-tags` and `quiet`. */
export function requestedReference(context: Context): Reference {
  const given = parseReference(context.words[0]!);
  const nameOnly = given.tag === "" && given.digest === "";
  if (context.bool("all-tags")) {
    if (!nameOnly) throw new CliError("tag can't be used with --all-tags/-a");
    return given;
  }
  const reference = withDefaultTag(given);
  if (nameOnly && !context.bool("quiet")) writeStdout(`Using default tag: ${reference.tag}\n`);
  return reference;
}
