/** `skiff network prune` */
import { writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, list } from "../../command.ts";
import { type Client, encodeFilters } from "../../transport/client.ts";
import { confirm } from "../confirm.ts";

const WARNING = `WARNING! This will remove all custom networks not used by at least one container.
Are you sure you want to continue?`;

/** Answers what to print, "" for nothing. */
export async function pruneNetworks(client: Client, filters: readonly string[]): Promise<string> {
  const report = await client.post<{ NetworksDeleted: readonly string[] | null }>("/networks/prune", {
    query: { filters: encodeFilters(filters) },
  });
  const lines = (report.NetworksDeleted ?? []).map((name) => `${name}\n`);
  return lines.length === 0 ? "" : `Deleted Networks:\n${lines.join("")}`;
}

export const command: Command = {
  usage: "[OPTIONS]",
  summary: "Remove all unused networks",
  flags: [
    list("filter", 'Provide filter values (e.g. "until=<timestamp>")', { type: "filter" }),
    bool("force", "Do not prompt for confirmation", "f"),
  ],
  words: { min: 0, max: 0 },
  async run(context) {
    if (!context.bool("force") && !(await confirm(WARNING))) return 0;
    const text = await pruneNetworks(context.client, context.list("filter"));
    if (text !== "") writeStdout(`${text}\n`);
    return 0;
  },
};
