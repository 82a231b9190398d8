/** `skiff container prune` */
import { writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, list } from "../../command.ts";
import { humanSize } from "../../format/units.ts";
import { encodeFilters } from "../../transport/client.ts";
import { confirm } from "../confirm.ts";

const WARNING = "WARNING! This will remove all stopped containers.\nAre you sure you want to continue?";

export const command: Command = {
  usage: "[OPTIONS]",
  summary: "Remove all stopped containers",
  flags: [
    list("filter", 'Provide filter values (e.g. "until=<timestamp>")', { type: "filter" }),
    bool("force", "Do not prompt for confirmation", "f"),
  ],
  words: { min: 0, max: 0 },
  async run(context) {
    if (!context.bool("force") && !(await confirm(WARNING))) return 1;
    const query = { filters: encodeFilters(context.list("filter")) };
    const report = await context.client.post<{ ContainersDeleted: string[] | null; SpaceReclaimed: number }>(
      "/containers/prune",
      { query },
    );
    const deleted = report.ContainersDeleted ?? [];
    if (deleted.length > 0) writeStdout(`Deleted Containers:\n${deleted.join("\n")}\n\n`);
    writeStdout(`Total reclaimed space: ${humanSize(report.SpaceReclaimed)}\n`);
    return 0;
  },
};
