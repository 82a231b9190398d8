/** `skiff rm` */
import { bool, type Command } from "../../command.ts";
import { CliError } from "../../errors.ts";
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
      await context.client.delete(`/containers/${inPath(name)}`, query);
      return word;
    }),
};
