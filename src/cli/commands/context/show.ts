/** `skiff context show` */
import { writeStdout } from "../../../kernel/stdout.ts";
import type { Command } from "../../command.ts";

export const command: Command = {
  usage: "",
  summary: "Print the name of the current context",
  flags: [],
  words: { min: 0, max: 0 },
  async run({ settings }) {
    writeStdout(`${settings.context}\n`);
    return 0;
  },
};
