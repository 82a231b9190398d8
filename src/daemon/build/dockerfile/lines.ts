/**
 * A Dockerfile's text as instructions: parser directives, comments, continued lines, builder flags. Source: docs.docker.com/reference/dockerfile.
 * Heredocs are BuildKit's: here their lines are instructions nobody knows, as for the classic builder.
 */
import { SkiffError } from "../../../lib/errors.ts";

export interface Line {
  /** Lower case. */
  readonly name: string;
  /** `--name=value` words in front of the rest. */
  readonly flags: readonly string[];
  readonly rest: string;
  /** As shown in `Step 1/2 : …`. */
  readonly original: string;
  /** Where it begins, from 1. */
  readonly number: number;
}

export interface ParsedLines {
  readonly lines: readonly Line[];
  /** `\` or a backquote. */
  readonly esc: string;
}

const DIRECTIVE = /^#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$/;

export function parseError(number: number, why: string): SkiffError {
  return new SkiffError("invalid_argument", `dockerfile parse error on line ${number}: ${why}`);
}

/** Said without a line. */
export function syntaxError(why: string): SkiffError {
  return new SkiffError("invalid_argument", `failed to parse Dockerfile: ${why}`);
}

function escapeOf(lines: readonly string[]): string {
  let esc = "\\";
  const seen = new Set<string>();
  for (const [index, line] of lines.entries()) {
    const match = DIRECTIVE.exec(line.trim());
    const name = match?.[1]?.toLowerCase() ?? "";
    if (match === null || !["escape", "syntax", "check"].includes(name)) break;
    if (seen.has(name)) throw parseError(index + 1, `only one ${name} parser directive can be used`);
    seen.add(name);
    if (name !== "escape") continue;
    if (match[2] !== "\\" && match[2] !== "`")
      throw parseError(index + 1, `invalid ESCAPE '${match[2]}'. Must be \` or \\`);
    esc = match[2];
  }
  return esc;
}

/** Flags end at the first word that is none; `--` alone ends them, too. */
function takeFlags(text: string): { readonly flags: string[]; readonly rest: string } {
  const flags: string[] = [];
  let rest = text;
  for (let match = /^(--\S*)\s*/.exec(rest); match !== null; match = /^(--\S*)\s*/.exec(rest)) {
    rest = rest.slice(match[0].length);
    if (match[1] === "--") break;
    flags.push(match[1]!);
  }
  return { flags, rest };
}

function lineOf(text: string, number: number): Line {
  const original = text.trim();
  const name = /^\S+/.exec(original)![0];
  const { flags, rest } = takeFlags(original.slice(name.length).trim());
  return { name: name.toLowerCase(), flags, rest, original, number };
}

/** @throws invalid_argument in the classic builder's words */
export function parseLines(text: string): ParsedLines {
  const raw = text.replace(/^\ufeff/, "").split(/\r?\n/);
  const esc = escapeOf(raw);
  const mark = esc === "\\" ? "\\\\" : esc;
  const continued = new RegExp(`(^|[^${mark}])${mark}[ \\t]*$`);
  const lines: Line[] = [];
  let pending: { text: string; readonly number: number } | undefined;
  for (const [index, line] of raw.entries()) {
    if (/^\s*#/.test(line) || line.trim() === "") continue;
    pending ??= { text: "", number: index + 1 };
    const goesOn = continued.test(line);
    pending.text += goesOn ? line.replace(continued, "$1") : line;
    if (goesOn) continue;
    if (pending.text.trim() !== "") lines.push(lineOf(pending.text, pending.number));
    pending = undefined;
  }
  if (pending !== undefined && pending.text.trim() !== "") lines.push(lineOf(pending.text, pending.number));
  if (lines.length === 0) throw syntaxError("file with no instructions");
  return { lines, esc };
}
