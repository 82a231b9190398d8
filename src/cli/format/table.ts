/**
 * Lists in docker's three shapes: a table (`table {{.ID}}\t{{.Names}}`), lines of a template, or JSON. A row is an object of printable fields; the
 * header of a table is the same template over the fields' titles.
 */
import { messageOf } from "../../lib/errors.ts";
import { CliError } from "../errors.ts";
import { escapedJson } from "./json.ts";
import { compileTemplate, type Template, type TemplateOptions } from "./template/execute.ts";
import { toJson } from "./template/print.ts";

export type Row = Readonly<Record<string, unknown>>;

const GAP = 3;

/** text/tabwriter with a minimum of 10 columns a cell, a gap of 3. */
export function alignColumns(lines: readonly string[], minimum = 10): string {
  const cells = lines.map((line) => line.split("\t"));
  const widths: number[] = [];
  for (const row of cells)
    for (const [at, cell] of row.slice(0, -1).entries())
      widths[at] = Math.max(widths[at] ?? minimum, Bun.stringWidth(cell) + GAP);
  return cells
    .map((row) =>
      row
        .map((cell, at) =>
          at === row.length - 1 ? cell : cell + " ".repeat(widths[at]! - Bun.stringWidth(cell)),
        )
        .join(""),
    )
    .map((line) => `${line}\n`)
    .join("");
}

export interface Listing {
  /** Field → title of its column. */
  readonly titles: Readonly<Record<string, string>>;
  /** `--format`, or docker's own table. */
  readonly format: string;
  /** Go's name of a row's type, for messages. */
  readonly type: string;
  readonly rows: readonly Row[];
}

/** In the header a value stays as it is. */
const HEADER_FUNCTIONS: TemplateOptions["functions"] = new Map(
  ["json", "title", "lower", "upper", "truncate"].map((name) => [name, (value: unknown) => value]),
);

const whole = (value: unknown): string =>
  typeof value === "object" && value !== null ? escapedJson(value) : toJson(value);
const ROW_FUNCTIONS: TemplateOptions["functions"] = new Map([["json", whole]]);

function compile(source: string, type: string, functions: TemplateOptions["functions"]): Template {
  try {
    return compileTemplate(source, { type, ...(functions === undefined ? {} : { functions }) });
  } catch (error) {
    throw new CliError(`template parsing error: ${messageOf(error)}`);
  }
}

/** Backslash sequences of the shell's user: `\t` and `\n`. */
function unescapeFormat(format: string): string {
  return format.replace(/\\t/g, "\t").replace(/\\n/g, "\n");
}

export function renderListing({ titles, format, type, rows }: Listing): string {
  const source = unescapeFormat(format.trim());
  if (source === "json" || source === "{{json .}}")
    return rows.map((row) => `${escapedJson(row)}\n`).join("");
  const table = source.startsWith("table");
  const body = table ? source.slice("table".length).trim() : source;
  const template = compile(body, type, ROW_FUNCTIONS);
  let lines: string[];
  try {
    lines = rows.map(template);
  } catch (error) {
    throw new CliError(`template parsing error: ${messageOf(error)}`);
  }
  if (!table) return lines.map((line) => `${line}\n`).join("");
  return alignColumns([compile(body, type, HEADER_FUNCTIONS)(titles), ...lines]);
}
