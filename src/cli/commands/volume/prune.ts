/** `skiff volume prune` */
import { writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, list } from "../../command.ts";
import { humanSize } from "../../format/units.ts";
import { type Client, encodeFilters } from "../../transport/client.ts";
import { confirm } from "../confirm.ts";

export async function pruneVolumes(client: Client, filters: readonly string[]) {
  const report = await client.post<{ VolumesDeleted: readonly string[] | null; SpaceReclaimed: number }>(
    "/volumes/prune",
    { query: { filters: encodeFilters(filters) } },
  );
  const lines = (report.VolumesDeleted ?? []).map((name) => `${name}\n`);
  const text = lines.length === 0 ? "" : `Deleted Volumes:\n${lines.join("")}`;
  return { text, bytes: report.SpaceReclaimed };
}

export const command: Command = {
  usage: "[OPTIONS]",
  summary: "Remove unused local volumes",
  flags: [
    bool("all", "Remove all unused volumes, not just anonymous ones", "a"),
    list("filter", 'Provide filter values (e.g. "label=<label>")', { type: "filter" }),
    bool("force", "Do not prompt for confirmation", "f"),
  ],
  words: { min: 0, max: 0 },
  async run(context) {
    const all = context.bool("all");
    const what = `${all ? "all" : "anonymous"} local volumes not used by at least one container.`;
    const question = `WARNING! This will remove ${what}\nAre you sure you want to continue?`;
    if (!context.bool("force") && !(await confirm(question))) return 0;
    const filters = [...context.list("filter"), ...(all ? ["all=1"] : [])];
    const { text, bytes } = await pruneVolumes(context.client, filters);
    writeStdout(`${text === "" ? "" : `${text}\n`}Total reclaimed space: ${humanSize(bytes)}\n`);
    return 0;
  },
};
