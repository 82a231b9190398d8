/** `--format` and what the outputs of lists have in common. */
import { type Flag, text } from "../command.ts";

const TABLE = `'table':            Print output in table format with column headers (default)
'table TEMPLATE':   Print output in table format using the given Go template
`;
const COMMON = `'json':             Print in JSON format
'TEMPLATE':         Print output using the given Go template.
Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates`;

/** Of lists. */
export const FORMAT: Flag = text("format", `Format output using a custom template:\n${TABLE}${COMMON}`);

/** Of single objects. */
export const INSPECT_FORMAT: Flag = text("format", `Format output using a custom template:\n${COMMON}`, {
  short: "f",
});

export interface Formats {
  readonly quiet: boolean;
  readonly table: string;
  readonly id: string;
  /** Of `--format raw`: a line a field. `rawId` is with `-q`. */
  readonly raw?: string;
  readonly rawId?: string;
}

/** The template of a list: `--format`, or docker's own table; `table` and `-q` name the latter in another way. */
export function chooseFormat(given: string, { quiet, table, id, raw, rawId }: Formats): string {
  if (given === "raw" && raw !== undefined) return quiet ? (rawId ?? raw) : raw;
  if (given === "" || given === "table") return quiet ? id : table;
  return given;
}
