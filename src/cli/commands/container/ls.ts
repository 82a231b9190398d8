/** `skiff ps` */

import type { ContainerSummary } from "../../../contracts/engine/container.ts";
import { writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, int, list, text } from "../../command.ts";
import { renderListing } from "../../format/table.ts";
import { encodeFilters } from "../../transport/client.ts";
import { containerRow, PS_FORMAT, PS_QUIET, PS_SIZE, PS_TITLES } from "./row.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  summary: "List containers",
  flags: [
    bool("all", "Show all containers (default shows just running)", "a"),
    list("filter", "Filter output based on conditions provided", { short: "f", type: "filter" }),
    text("format", "Format output using a custom template", { type: "string" }),
    int("last", "Show n last created containers (includes all states)", { short: "n", default: "-1" }),
    bool("latest", "Show the latest created container (includes all states)", "l"),
    bool("no-trunc", "Don't truncate output"),
    bool("quiet", "Only display container IDs", "q"),
    bool("size", "Display total file sizes", "s"),
  ],
  words: { min: 0, max: 0 },
  async run(context) {
    const { client, settings } = context;
    const given = context.text("format") || (context.bool("quiet") ? "" : (settings.config.psFormat ?? ""));
    const plain = context.bool("size") ? PS_SIZE : PS_FORMAT;
    const format =
      context.bool("quiet") && given === "" ? PS_QUIET : given === "" || given === "table" ? plain : given;
    const last = context.bool("latest") ? 1 : context.number("last");
    const query = {
      ...{ all: context.bool("all"), limit: last > 0 ? last : undefined },
      size: context.bool("size") || /\.Size\b/.test(format),
      filters: encodeFilters(context.list("filter")),
    };
    const containers = await client.get<readonly ContainerSummary[]>("/containers/json", query);
    const shorten = !context.bool("no-trunc");
    const rows = containers.map((container) => containerRow(container, shorten, Date.now()));
    writeStdout(renderListing({ titles: PS_TITLES, format, type: "*formatter.ContainerContext", rows }));
    return 0;
  },
};
