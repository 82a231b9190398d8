/** `skiff rm` */
import { writeStderr } from "../../../kernel/stdout.ts";
import { bool, type Command } from "../../command.ts";
import { CliError, DaemonError } from "../../errors.ts";
import { forAllNames, inPath } from "../each.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Remove one or more containers",
  flags: [
    bool("force", "Force the removal of a running container (uses SIGKILL)", "f"),
    bool("link", "Remove the specified link", "l"),
    bool("volumes", "Remove anonymous volumes associated with the container", "v"),
  ],
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  run: (context) =>
    forAllNames(context.words, async (word) => {
      const name = word.replace(/^\/+/, "");
      if (name === "") throw new CliError("container name cannot be empty");
      const query = { force: context.bool("force"), link: context.bool("link"), v: context.bool("volumes") };
      try {
        await context.client.delete(`/containers/${inPath(name)}`, query);
      } catch (error) {
        // That it is not there is what was wanted; it is said all the same.
        if (!query.force || !(error instanceof DaemonError) || error.status !== 404) throw error;
        writeStderr(`${error.message}\n`);
        return "";
      }
      return word;
    }),
};
