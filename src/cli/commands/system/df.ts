/** `skiff system df` */
import { writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command } from "../../command.ts";
import { chooseFormat, FORMAT } from "../../format/flags.ts";
import { renderListing } from "../../format/table.ts";
import { type Usage, usageRows } from "./usage.ts";
import { verboseUsage } from "./usage-verbose.ts";

const TITLES = {
  ...{ Type: "TYPE", TotalCount: "TOTAL", Active: "ACTIVE", Size: "SIZE", Reclaimable: "RECLAIMABLE" },
};
const TABLE = "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}";

const RAW =
  "type: {{.Type}}\ntotal: {{.TotalCount}}\nactive: {{.Active}}\nsize: {{.Size}}\nreclaimable: {{.Reclaimable}}\\n";

export const command: Command = {
  usage: "[OPTIONS]",
  summary: "Show docker disk usage",
  flags: [FORMAT, bool("verbose", "Show detailed information on space usage", "v")],
  words: { min: 0, max: 0 },
  async run(context) {
    const usage = await context.client.get<Usage>("/system/df");
    const given = context.text("format");
    if (context.bool("verbose")) {
      writeStdout(verboseUsage(usage, given));
      return 0;
    }
    const format = chooseFormat(given, { quiet: false, table: TABLE, id: TABLE, raw: RAW });
    const type = "*formatter.diskUsageImagesContext";
    writeStdout(renderListing({ titles: TITLES, format, type, rows: usageRows(usage) }));
    return 0;
  },
};
