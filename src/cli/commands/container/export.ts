/** `skiff export` */
import { isTerminal } from "../../../kernel/stdout.ts";
import { type Command, text } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { checkOutputPath } from "../../images/archive-path.ts";
import { saveStream } from "../../streams/save.ts";
import { inPath } from "../each.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER",
  summary: "Export a container's filesystem as a tar archive",
  flags: [text("output", "Write to a file, instead of STDOUT", { short: "o" })],
  words: { min: 1, max: 1 },
  async run(context) {
    const output = context.text("output");
    if (output === "" && isTerminal(1))
      throw new CliError("cowardly refusing to save to a terminal. Use the -o flag or redirect");
    if (output !== "") checkOutputPath(output, "failed to export container");
    const response = await context.client.send("GET", `/containers/${inPath(context.words[0]!)}/export`);
    await saveStream(response.body, output);
    return 0;
  },
};
