/** `skiff commit` */
import { writeStdout } from "../../../kernel/stdout.ts";
import { parseReference, repositoryOf, withDefaultTag } from "../../../lib/reference.ts";
import { bool, type Command, list, text } from "../../command.ts";
import { CliError } from "../../errors.ts";

/** A name with a digest cannot be given to what is not made yet. */
function target(name: string): { repo?: string; tag?: string } {
  if (name === "") return {};
  const reference = parseReference(name);
  if (reference.digest !== "") throw new CliError("refusing to create a tag with a digest reference");
  return { repo: repositoryOf(reference), tag: withDefaultTag(reference).tag };
}

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
  summary: "Create a new image from a container's changes",
  flags: [
    text("author", 'Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")', { short: "a" }),
    list("change", "Apply Dockerfile instruction to the created image", { short: "c" }),
    text("message", "Commit message", { short: "m" }),
    bool("pause", "Pause container during commit", "p", "true"),
  ],
  words: { min: 1, max: 2 },
  async run(context) {
    const [container = "", name = ""] = context.words;
    const query = {
      ...{ container, ...target(name), author: context.text("author"), comment: context.text("message") },
      ...{ changes: context.list("change"), pause: context.bool("pause") ? "1" : "0" },
    };
    const { Id } = await context.client.post<{ Id: string }>("/commit", { query, json: {} });
    writeStdout(`${Id}\n`);
    return 0;
  },
};
