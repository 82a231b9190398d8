/** `skiff restart` */
import { type Command, int, text } from "../../command.ts";
import { forAllNames, inPath } from "../each.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Restart one or more containers",
  flags: [
    text("signal", "Signal to send to the container", { short: "s" }),
    int("timeout", "Seconds to wait before killing the container", { short: "t" }),
    { ...int("time", "Seconds to wait before killing the container"), hidden: true },
  ],
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  run: (context) =>
    forAllNames(context.words, async (name) => {
      const query = { signal: context.text("signal"), t: context.text("timeout") || context.text("time") };
      await context.client.post(`/containers/${inPath(name)}/restart`, { query });
      return name;
    }),
};
