/** `skiff stats` */

import type { ContainerSummary } from "../../../contracts/engine/container.ts";
import { isTerminal, writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, type Context } from "../../command.ts";
import { FORMAT } from "../../format/flags.ts";
import { renderListing } from "../../format/table.ts";
import { inPath } from "../each.ts";
import { type Sample, STATS_FORMAT, STATS_TITLES, statsRow } from "./stats-row.ts";

async function sampleOf(context: Context, name: string): Promise<Sample | undefined> {
  try {
    return await context.client.get<Sample>(`/containers/${inPath(name)}/stats`, { stream: "false" });
  } catch (error) {
    if (context.words.length > 0) throw error;
    return undefined;
  }
}

async function round(context: Context): Promise<string> {
  const { client, words } = context;
  const all = context.bool("all");
  const listed =
    words.length > 0 ? [] : await client.get<readonly ContainerSummary[]>("/containers/json", { all });
  const names = words.length > 0 ? words : listed.map(({ Id }) => Id);
  const samples = await Promise.all(names.map((name) => sampleOf(context, name)));
  const rows = samples
    .filter((sample) => sample !== undefined)
    .map((sample) => statsRow(sample, !context.bool("no-trunc")));
  const format = context.text("format") || STATS_FORMAT;
  return renderListing({ titles: STATS_TITLES, format, type: "*container.statsContext", rows });
}

export const command: Command = {
  usage: "[OPTIONS] [CONTAINER...]",
  summary: "Display a live stream of container(s) resource usage statistics",
  flags: [
    bool("all", "Show all containers (default shows just running)", "a"),
    FORMAT,
    bool("no-stream", "Disable streaming stats and only pull the first result"),
    bool("no-trunc", "Do not truncate output"),
  ],
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  async run(context) {
    if (context.bool("no-stream")) {
      writeStdout(await round(context));
      return 0;
    }
    const clear = isTerminal(1) ? "\x1b[H\x1b[J" : "";
    for (;;) if (!writeStdout(clear + (await round(context)))) return 0;
  },
};
