/** `skiff volume inspect` */
import type { Command } from "../../command.ts";
import { INSPECT_FORMAT } from "../../format/flags.ts";
import { findObject } from "../../inspect/finders.ts";
import { inspectNames } from "../../inspect/inspect.ts";

export const command: Command = {
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  summary: "Display detailed information on one or more volumes",
  flags: [INSPECT_FORMAT],
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  run: (context) =>
    inspectNames(
      context.words,
      context.text("format"),
      (name) => findObject(context.client, "volume", name),
      "volume.Volume",
    ),
};
