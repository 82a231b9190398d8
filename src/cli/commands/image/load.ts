/** `skiff load` */
import { isTerminal } from "../../../kernel/stdout.ts";
import { bool, type Command, text } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { platformJson } from "../../images/platform.ts";
import { screenOf, showProgress } from "../../progress/display.ts";
import { openSource } from "../../streams/source.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  summary: "Load an image from a tar archive or STDIN",
  flags: [
    text("input", "Read from tar archive file, instead of STDIN", { short: "i" }),
    text(
      "platform",
      'Load only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
    ),
    bool("quiet", "Suppress the load output", "q"),
  ],
  words: { min: 0, max: 0 },
  async run(context) {
    const input = context.text("input");
    if (input === "" && isTerminal(0)) throw new CliError("requested load from stdin, but stdin is empty");
    using source = openSource(input);
    const response = await context.client.send("POST", "/images/load", {
      query: {
        quiet: context.bool("quiet") || !isTerminal(1) ? "1" : "0",
        platform: platformJson(context.text("platform")),
      },
      headers: { "Content-Type": "application/x-tar" },
      body: source.pieces,
    });
    await showProgress(response.body, screenOf("stdout"));
    return 0;
  },
};
