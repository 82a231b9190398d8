/** `skiff stop` */
import type { Command } from "../../command.ts";
import { STOP_FLAGS, stopEach } from "./stopping.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Stop one or more running containers",
  flags: STOP_FLAGS,
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  run: (context) => stopEach(context, "stop"),
};
