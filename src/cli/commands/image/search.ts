/** `skiff search` */
import { writeStdout } from "../../../kernel/stdout.ts";
import { authHeader } from "../../auth/credentials.ts";
import { bool, type Command, int, list, text } from "../../command.ts";
import { renderListing } from "../../format/table.ts";
import { ellipsis } from "../../format/words.ts";
import { encodeFilters } from "../../transport/client.ts";

interface Found {
  readonly name: string;
  readonly description: string;
  readonly star_count: number;
  readonly is_official: boolean;
}

const TITLES = {
  ...{ Name: "NAME", Description: "DESCRIPTION", StarCount: "STARS", IsOfficial: "OFFICIAL" },
};
const TABLE = "table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}";
const DESCRIPTION_COLUMNS = 45;

export const command: Command = {
  usage: "[OPTIONS] TERM",
  summary: "Search Docker Hub for images",
  flags: [
    list("filter", "Filter output based on conditions provided", { short: "f", type: "filter" }),
    text("format", "Pretty-print search using a Go template"),
    int("limit", "Max number of search results"),
    bool("no-trunc", "Don't truncate output"),
  ],
  words: { min: 1, max: 1 },
  async run(context) {
    const term = context.words[0]!;
    const first = term.includes("/") ? term.slice(0, term.indexOf("/")) : "";
    const domain = /[.:]/.test(first) || first === "localhost" ? first : "docker.io";
    const query = { term, limit: context.text("limit"), filters: encodeFilters(context.list("filter")) };
    const headers = await authHeader(context.settings.config, domain);
    const response = await context.client.send("GET", "/images/search", { query, headers });
    const given = context.text("format");
    const format = given === "" || given === "table" ? TABLE : given;
    const json = format === "json" || format === "{{json .}}";
    const rows = (await response.json<readonly Found[]>()).map((found) => {
      const description = found.description.replaceAll("\n", " ").replaceAll("\r", " ");
      return {
        Description: context.bool("no-trunc") ? description : ellipsis(description, DESCRIPTION_COLUMNS),
        IsOfficial: json ? String(found.is_official) : found.is_official ? "[OK]" : "",
        Name: found.name,
        StarCount: String(found.star_count),
      };
    });
    writeStdout(renderListing({ titles: TITLES, format, type: "*registry.searchContext", rows }));
    return 0;
  },
};
