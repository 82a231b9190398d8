/** `skiff pause` */
import type { Command } from "../../command.ts";
import { forAllNames, inPath } from "../each.ts";

export const command: Command = {
  usage: "CONTAINER [CONTAINER...]",
  summary: "Pause all processes within one or more containers",
  flags: [],
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  run: (context) =>
    forAllNames(context.words, async (name) => {
      await context.client.post(`/containers/${inPath(name)}/pause`);
      return name;
    }),
};
