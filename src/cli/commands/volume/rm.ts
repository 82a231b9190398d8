/** `skiff volume rm` */
import { bool, type Command } from "../../command.ts";
import { forEachName, inPath } from "../each.ts";

export const command: Command = {
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  summary: "Remove one or more volumes. You cannot remove a volume that is in use by a container.",
  flags: [bool("force", "Force the removal of one or more volumes", "f")],
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  run: (context) =>
    forEachName(context.words, async (name) => {
      await context.client.delete(`/volumes/${inPath(name)}`, { force: context.bool("force") });
      return name;
    }),
};
