/** `skiff rmi` */
import type { ImageDeleted } from "../../../contracts/engine/image.ts";
import { writeStderr, writeStdout } from "../../../kernel/stdout.ts";
import { messageOf } from "../../../lib/errors.ts";
import { bool, type Command, list } from "../../command.ts";
import { DaemonError } from "../../errors.ts";
import { platformJson } from "../../images/platform.ts";
import { inPath } from "../each.ts";

export const command: Command = {
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  summary: "Remove one or more images",
  flags: [
    bool("force", "Force removal of the image", "f"),
    bool("no-prune", "Do not delete untagged parents"),
    list(
      "platform",
      'Remove only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
      {
        type: "strings",
      },
    ),
  ],
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  async run(context) {
    const platforms = context.list("platform").flatMap((value) => platformJson(value) ?? []);
    const query = { force: context.bool("force"), noprune: context.bool("no-prune"), platforms };
    const failures: string[] = [];
    let fatal = false;
    for (const name of context.words) {
      try {
        const deleted = await context.client.delete<readonly ImageDeleted[]>(
          `/images/${inPath(name)}`,
          query,
        );
        for (const { Deleted, Untagged } of deleted)
          writeStdout(Deleted === undefined ? `Untagged: ${Untagged}\n` : `Deleted: ${Deleted}\n`);
      } catch (error) {
        fatal ||= !(error instanceof DaemonError && error.status === 404);
        failures.push(messageOf(error));
      }
    }
    if (failures.length > 0) writeStderr(`${failures.join("\n")}\n`);
    return failures.length === 0 || (context.bool("force") && !fatal) ? 0 : 1;
  },
};
