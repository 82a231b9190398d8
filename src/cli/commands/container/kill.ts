/** `skiff kill` */
import { type Command, text } from "../../command.ts";
import { forAllNames, inPath } from "../each.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Kill one or more running containers",
  flags: [text("signal", "Signal to send to the container", { short: "s" })],
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  run: (context) =>
    forAllNames(context.words, async (name) => {
      await context.client.post(`/containers/${inPath(name)}/kill`, {
        query: { signal: context.text("signal") },
      });
      return name;
    }),
};
