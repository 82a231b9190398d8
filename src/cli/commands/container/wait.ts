/** `skiff wait` */
import type { Command } from "../../command.ts";
import { forEachName, inPath } from "../each.ts";

export const command: Command = {
  usage: "CONTAINER [CONTAINER...]",
  summary: "Block until one or more containers stop, then print their exit codes",
  flags: [],
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  run: ({ words, client }) =>
    forEachName(words, async (name) => {
      const { StatusCode } = await client.post<{ StatusCode: number }>(`/containers/${inPath(name)}/wait`);
      return String(StatusCode);
    }),
};
