/** `skiff build` */
import type { Command } from "../../command.ts";
export const command: Command = {
  usage: "",
  summary: "",
  flags: [],
  words: { min: 1, max: 1 },
  async run() {
    return 1;
  },
};
