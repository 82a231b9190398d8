/** `skiff history` */
import type { ImageHistory } from "../../../contracts/engine/image.ts";
import { writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, text } from "../../command.ts";
import { chooseFormat, FORMAT } from "../../format/flags.ts";
import { renderListing } from "../../format/table.ts";
import { humanSize } from "../../format/units.ts";
import { ellipsis, rfc3339, shortId, since } from "../../format/words.ts";
import { platformJson } from "../../images/platform.ts";
import { inPath } from "../each.ts";

const COMMAND_COLUMNS = 45;
const TITLES = {
  ...{ ID: "IMAGE", CreatedSince: "CREATED", CreatedAt: "CREATED AT", CreatedBy: "CREATED BY", Size: "SIZE" },
  Comment: "COMMENT",
};

function rowOf(entry: ImageHistory, truncated: boolean, human: boolean) {
  const created = rfc3339(entry.Created * 1000);
  const by = entry.CreatedBy.replaceAll("\t", " ");
  return {
    Comment: entry.Comment,
    CreatedAt: created,
    CreatedBy: truncated ? ellipsis(by, COMMAND_COLUMNS) : by,
    CreatedSince: human ? since(entry.Created * 1000) : created,
    ID: truncated ? shortId(entry.Id) : entry.Id,
    Size: human ? humanSize(entry.Size, 3) : String(entry.Size),
  };
}

export const command: Command = {
  usage: "[OPTIONS] IMAGE",
  summary: "Show the history of an image",
  flags: [
    FORMAT,
    bool("human", "Print sizes and dates in human readable format", "H", "true"),
    bool("no-trunc", "Don't truncate output"),
    text(
      "platform",
      'Show history for the given platform. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
    ),
    bool("quiet", "Only show image IDs", "q"),
  ],
  words: { min: 1, max: 1 },
  async run(context) {
    const query = { platform: platformJson(context.text("platform")) };
    const entries = await context.client.get<readonly ImageHistory[]>(
      `/images/${inPath(context.words[0]!)}/history`,
      query,
    );
    const human = context.bool("human");
    const rows = entries.map((entry) => rowOf(entry, !context.bool("no-trunc"), human));
    const format = chooseFormat(context.text("format"), {
      quiet: context.bool("quiet"),
      table: `table {{.ID}}\t{{.Created${human ? "Since" : "At"}}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}`,
      id: "{{.ID}}",
    });
    writeStdout(renderListing({ titles: TITLES, format, type: "*image.historyContext", rows }));
    return 0;
  },
};
