/** `skiff network rm` */
import { writeStderr, writeStdout } from "../../../kernel/stdout.ts";
import { messageOf } from "../../../lib/errors.ts";
import { bool, type Command } from "../../command.ts";
import { DaemonError } from "../../errors.ts";
import { inPath } from "../each.ts";

export const command: Command = {
  usage: "NETWORK [NETWORK...]",
  summary: "Remove one or more networks",
  flags: [bool("force", "Do not error if the network does not exist", "f")],
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  async run(context) {
    let code = 0;
    for (const name of context.words) {
      try {
        await context.client.delete(`/networks/${inPath(name)}`);
        writeStdout(`${name}\n`);
      } catch (error) {
        if (context.bool("force") && error instanceof DaemonError && error.status === 404) continue;
        writeStderr(`${messageOf(error)}\n`);
        code = 1;
      }
    }
    // What docker's command line says of its own exit code.
    if (code !== 0) writeStderr(`exit status ${code}\n`);
    return code;
  },
};
