/** `skiff volume create` */
import type { Volume } from "../../../contracts/engine/volume.ts";
import { writeStdout } from "../../../kernel/stdout.ts";
import { type Command, list, text } from "../../command.ts";
import { pairsOf } from "../container/values.ts";

export const command: Command = {
  usage: "[OPTIONS] [VOLUME]",
  summary: "Create a volume",
  flags: [
    text("driver", "Specify volume driver name", { short: "d", default: "local" }),
    list("label", "Set metadata for a volume"),
    list("opt", "Set driver specific options", { short: "o", type: "map" }),
  ],
  words: { min: 0, max: 1 },
  async run(context) {
    const json = {
      Name: context.words[0] ?? "",
      Driver: context.text("driver"),
      DriverOpts: pairsOf(context.list("opt")),
      Labels: pairsOf(context.list("label")),
    };
    const { Name } = await context.client.post<Volume>("/volumes/create", { json });
    writeStdout(`${Name}\n`);
    return 0;
  },
};
