/** `skiff save` */
import { isTerminal } from "../../../kernel/stdout.ts";
import { type Command, text } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { checkOutputPath } from "../../images/archive-path.ts";
import { platformJson } from "../../images/platform.ts";
import { saveStream } from "../../streams/save.ts";

export const command: Command = {
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  summary: "Save one or more images to a tar archive (streamed to STDOUT by default)",
  flags: [
    text("output", "Write to a file, instead of STDOUT", { short: "o" }),
    text(
      "platform",
      'Save only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
    ),
  ],
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  async run(context) {
    const output = context.text("output");
    if (output === "" && isTerminal(1))
      throw new CliError("cowardly refusing to save to a terminal. Use the -o flag or redirect");
    if (output !== "") checkOutputPath(output, "failed to save image");
    const query = { names: context.words, platform: platformJson(context.text("platform")) };
    const response = await context.client.send("GET", "/images/get", { query });
    await saveStream(response.body, output);
    return 0;
  },
};
