/** `skiff context ls` */
import { writeStderr, writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command } from "../../command.ts";
import { type ContextMeta, DEFAULT_CONTEXT, defaultContext, listContexts } from "../../contexts/store.ts";
import { chooseFormat, FORMAT } from "../../format/flags.ts";
import { naturalOrder } from "../../format/natural.ts";
import { renderListing } from "../../format/table.ts";
import { ellipsis } from "../../format/words.ts";

const TITLES = {
  ...{ Name: "NAME", Description: "DESCRIPTION", DockerEndpoint: "DOCKER ENDPOINT", Error: "ERROR" },
  Current: "CURRENT",
};
const TABLE = "table {{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}";
const DESCRIPTION_COLUMNS = 60;
const DEFAULT_DESCRIPTION = "Current DOCKER_HOST based configuration";

function rowOf({ Name, Metadata, Endpoints }: ContextMeta, current: string) {
  const description = Name === DEFAULT_CONTEXT ? DEFAULT_DESCRIPTION : (Metadata?.Description ?? "");
  return {
    Current: Name === current,
    Description: ellipsis(description, DESCRIPTION_COLUMNS),
    DockerEndpoint: Endpoints?.docker?.Host ?? "",
    Error: "",
    Name,
  };
}

export const command: Command = {
  usage: "[OPTIONS]",
  summary: "List contexts",
  flags: [FORMAT, bool("quiet", "Only show context names", "q")],
  words: { min: 0, max: 0 },
  async run(context) {
    const { settings } = context;
    const rows = [defaultContext(settings), ...listContexts(settings.configDir)]
      .toSorted((a, b) => naturalOrder(a.Name, b.Name))
      .map((meta) => rowOf(meta, settings.context));
    const format = chooseFormat(context.text("format"), {
      quiet: context.bool("quiet"),
      table: TABLE,
      id: "{{.Name}}",
    });
    // The header stands for no context in use.
    const titles = { ...TITLES, Current: format === TABLE ? "" : TITLES.Current };
    writeStdout(renderListing({ titles, format, type: "*formatter.clientContextContext", rows }));
    if (
      (process.env["DOCKER_HOST"] ?? "") !== "" &&
      settings.context === DEFAULT_CONTEXT &&
      !context.bool("quiet")
    )
      writeStderr(
        "Warning: DOCKER_HOST environment variable overrides the active context. To use a context, either set the global --context flag, or unset DOCKER_HOST environment variable.\n",
      );
    return 0;
  },
};
