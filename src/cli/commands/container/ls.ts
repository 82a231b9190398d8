/** `skiff ps` */

import type { ContainerSummary } from "../../../contracts/engine/container.ts";
import { writeStdout } from "../../../kernel/stdout.ts";
import { messageOf } from "../../../lib/errors.ts";
import { bool, type Command, int, list } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { chooseFormat, FORMAT } from "../../format/flags.ts";
import { renderListing } from "../../format/table.ts";
import { compileTemplate, type Template } from "../../format/template/execute.ts";
import { encodeFilters } from "../../transport/client.ts";
import { containerRow, PS_FORMAT, PS_QUIET, PS_RAW, PS_SIZE, PS_TITLES } from "./row.ts";

/** Run once over nothing, before the daemon is asked. @throws CliError */
function checkTemplate(source: string): void {
  let template: Template;
  try {
    template = compileTemplate(source, { type: "*formatter.ContainerContext" });
  } catch (error) {
    throw new CliError(`failed to parse template: ${messageOf(error)}`);
  }
  try {
    template({ ...Object.fromEntries(Object.keys(PS_TITLES).map((name) => [name, ""])), Platform: null });
  } catch (error) {
    throw new CliError(`failed to execute template: ${messageOf(error)}`);
  }
}

export const command: Command = {
  usage: "[OPTIONS]",
  summary: "List containers",
  flags: [
    bool("all", "Show all containers (default shows just running)", "a"),
    list("filter", "Filter output based on conditions provided", { short: "f", type: "filter" }),
    FORMAT,
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
    const sized = context.bool("size");
    if (context.text("format") !== "") checkTemplate(context.text("format"));
    const format = chooseFormat(given, {
      quiet: context.bool("quiet"),
      table: sized ? PS_SIZE : PS_FORMAT,
      id: PS_QUIET,
      raw: sized ? `${PS_RAW}size: {{.Size}}\\n` : PS_RAW,
      rawId: `container_id: ${PS_QUIET}`,
    });
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
