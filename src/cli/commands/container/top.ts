/** `skiff top` */
import { writeStdout } from "../../../kernel/stdout.ts";
import type { Command } from "../../command.ts";
import { alignColumns } from "../../format/table.ts";
import { inPath } from "../each.ts";

interface Top {
  readonly Titles: readonly string[];
  readonly Processes: readonly (readonly string[])[];
}

/** docker's table here has cells of at least 20 columns. */
const CELL = 20;

export const command: Command = {
  usage: "CONTAINER [ps OPTIONS]",
  summary: "Display the running processes of a container",
  flags: [],
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  stopsAtWord: true,
  async run({ words, client }) {
    const [name = "", ...options] = words;
    const query = { ps_args: options.join(" ") };
    const { Titles, Processes } = await client.get<Top>(`/containers/${inPath(name)}/top`, query);
    writeStdout(alignColumns([Titles.join("\t"), ...Processes.map((cells) => cells.join("\t"))], CELL));
    return 0;
  },
};
