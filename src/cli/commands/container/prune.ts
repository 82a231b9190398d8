/** `skiff container prune` */
import { writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, list } from "../../command.ts";
import { humanSize } from "../../format/units.ts";
import { type Client, encodeFilters } from "../../transport/client.ts";
import { confirm } from "../confirm.ts";

const WARNING = "WARNING! This will remove all stopped containers.\nAre you sure you want to continue?";

export async function pruneContainers(client: Client, filters: readonly string[]) {
  const report = await client.post<{ ContainersDeleted: string[] | null; SpaceReclaimed: number }>(
    "/containers/prune",
    { query: { filters: encodeFilters(filters) } },
  );
  const deleted = (report.ContainersDeleted ?? []).map((id) => `${id}\n`);
  const text = deleted.length === 0 ? "" : `Deleted Containers:\n${deleted.join("")}`;
  return { text, bytes: report.SpaceReclaimed };
}

export const command: Command = {
  usage: "[OPTIONS]",
  summary: "Remove all stopped containers",
  flags: [
    list("filter", 'Provide filter values (e.g. "until=<timestamp>")', { type: "filter" }),
    bool("force", "Do not prompt for confirmation", "f"),
  ],
  words: { min: 0, max: 0 },
  async run(context) {
    if (!context.bool("force") && !(await confirm(WARNING))) return 0;
    const { text, bytes } = await pruneContainers(context.client, context.list("filter"));
    writeStdout(`${text === "" ? "" : `${text}\n`}Total reclaimed space: ${humanSize(bytes)}\n`);
    return 0;
  },
};
