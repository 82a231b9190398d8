/** `skiff rename` */
import { messageOf } from "../../../lib/errors.ts";
import type { Command } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { inPath } from "../each.ts";

export const command: Command = {
  usage: "CONTAINER NEW_NAME",
  summary: "Rename a container",
  flags: [],
  words: { min: 2, max: 2 },
  async run({ words, client }) {
    const [from = "", to = ""] = words.map((word) => word.trim());
    if (from === "" || to === "") throw new CliError("Error: Neither old nor new names may be empty");
    try {
      await client.post(`/containers/${inPath(from)}/rename`, { query: { name: to } });
    } catch (error) {
      throw new CliError(`${messageOf(error)}\nError: failed to rename container named ${from}`);
    }
    return 0;
  },
};
