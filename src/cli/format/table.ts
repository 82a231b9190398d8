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

/** What Go counts: letters, whatever room they take. */
const lettersOf = (text: string): number => [...text].length;

/** Pads `column` and those behind it in the rows `first` to `end`: neighbours that go on after the column share its width. */
function padColumns(
  rows: readonly string[][],
  column: number,
  first: number,
  end: number,
  minimum: number,
): void {
  const goesOn = (at: number) => at < end && column < rows[at]!.length - 1;
  for (let at = first; at < end; at++) {
    if (!goesOn(at)) continue;
    const start = at;
    let width = minimum;
    for (; goesOn(at); at++) width = Math.max(width, lettersOf(rows[at]![column]!) + GAP);
    for (const row of rows.slice(start, at)) row[column] += " ".repeat(width - lettersOf(row[column]!));
    padColumns(rows, column + 1, start, at, minimum);
  }
}

/** text/tabwriter with a minimum of 10 columns a cell, a gap of 3. */
export function alignColumns(lines: readonly string[], minimum = 10): string {
  const rows = lines.flatMap((line) => line.split("\n")).map((line) => line.split("\t"));
  padColumns(rows, 0, 0, rows.length, minimum);
  return rows
    .map((row) => row.join(""))
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
