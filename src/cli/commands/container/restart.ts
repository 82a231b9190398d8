/** `skiff restart` */
import type { Command } from "../../command.ts";
import { STOP_FLAGS, stopEach } from "./stopping.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Restart one or more containers",
  flags: STOP_FLAGS,
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  run: (context) => stopEach(context, "restart"),
};
