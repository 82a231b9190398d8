/** `skiff container inspect` */
import { bool, type Command } from "../../command.ts";
import { INSPECT_FORMAT } from "../../format/flags.ts";
import { findObject } from "../../inspect/finders.ts";
import { inspectNames } from "../../inspect/inspect.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Display detailed information on one or more containers",
  flags: [INSPECT_FORMAT, bool("size", "Display total file sizes", "s")],
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  run: (context) =>
    inspectNames(context.words, context.text("format"), (name) =>
      findObject(context.client, "container", name, { size: context.bool("size") }),
    ),
};
