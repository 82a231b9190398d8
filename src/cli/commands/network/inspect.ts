/** `skiff network inspect` */
import { bool, type Command } from "../../command.ts";
import { INSPECT_FORMAT } from "../../format/flags.ts";
import { findObject } from "../../inspect/finders.ts";
import { inspectNames } from "../../inspect/inspect.ts";

export const command: Command = {
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  summary: "Display detailed information on one or more networks",
  flags: [INSPECT_FORMAT, bool("verbose", "Verbose output for diagnostics", "v")],
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  run: (context) =>
    inspectNames(context.words, context.text("format"), (name) =>
      findObject(context.client, "network", name, { verbose: context.bool("verbose") }),
    ),
};
