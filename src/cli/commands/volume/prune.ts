/** `skiff volume prune` */
import { writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, list } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { humanSize } from "../../format/units.ts";
import { daemonApiVersion, isOlder } from "../../transport/api-version.ts";
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

/** Daemons before this version of the API remove named volumes too. */
const ANONYMOUS_ONLY = "1.42";

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
    const version = await daemonApiVersion(context.client);
    const old = isOlder(version, ANONYMOUS_ONLY);
    if (all && old)
      throw new CliError(
        `"--all" requires API version ${ANONYMOUS_ONLY}, but the Docker daemon API version is ${version}`,
      );
    const what = `${all || old ? "all" : "anonymous"} local volumes not used by at least one container.`;
    const question = `WARNING! This will remove ${what}\nAre you sure you want to continue?`;
    if (!context.bool("force") && !(await confirm(question))) return 0;
    const filters = [...context.list("filter"), ...(all ? ["all=1"] : [])];
    const { text, bytes } = await pruneVolumes(context.client, filters);
    writeStdout(`${text === "" ? "" : `${text}\n`}Total reclaimed space: ${humanSize(bytes)}\n`);
    return 0;
  },
};
