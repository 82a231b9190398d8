/** Values of flags, from docker's way to write them to the API's. What they throw is the reason alone: who asked says for which flag. */
import type { Ulimit } from "../../../contracts/engine/container.ts";
import { CliError } from "../../errors.ts";
import { parseBytes, parseDuration } from "../../format/units.ts";
import { numberProblem } from "../../parse/check.ts";

export function invalid(message: string): CliError {
  return new CliError(message);
}

function sizeProblem(value: string): string {
  const [, number = "", suffix = ""] = /^(.*[\d. ])([^\d. ]*)$/s.exec(value) ?? [];
  if (number === "" || number.startsWith("-") || suffix === "") return `invalid size: '${value}'`;
  return `invalid suffix: '${suffix.length > 3 ? suffix : suffix.toLowerCase()}'`;
}

/** 0 for "". */
export function bytesOf(value: string): number {
  if (value === "") return 0;
  const bytes = parseBytes(value);
  if (bytes === undefined) throw invalid(sizeProblem(value));
  return bytes;
}

/** -1 is "no limit". */
export function swapOf(value: string): number {
  return value === "-1" ? -1 : bytesOf(value);
}

/** Nanoseconds. */
export function durationOf(value: string): number {
  if (value === "") return 0;
  const ns = parseDuration(value);
  if (ns === undefined) throw invalid(`time: invalid duration ${JSON.stringify(value)}`);
  return ns;
}

/** `0.5` CPUs as billionths. */
export function nanoCpusOf(value: string): number {
  if (value === "") return 0;
  const [, whole = "", fraction = ""] = /^[+-]?(\d*)(?:\.(\d*))?$/.exec(value) ?? [];
  if (whole + fraction === "") throw invalid(`failed to parse ${value} as a rational number`);
  if (/[1-9]/.test(fraction.slice(9))) throw invalid("value is too precise");
  return Math.round(Number(value) * 1e9);
}

/** `a=b` pairs; a later one wins. */
export function pairsOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const equals = word.indexOf("=");
      return equals < 0 ? [word, ""] : [word.slice(0, equals), word.slice(equals + 1)];
    }),
  );
}

/** A line of CSV: fields with commas are quoted. */
export function fieldsOf(value: string): string[] {
  return [...value.matchAll(/"((?:[^"]|"")*)"(?:,|$)|([^,]*)(?:,|$)/g)]
    .map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "")
    .filter((field) => field !== "");
}

const ULIMITS = new Set(
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(
    " ",
  ),
);

function limitOf(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw invalid(numberProblem("ParseInt", text, "invalid syntax"));
  return Number(text);
}

export function ulimitOf(value: string): Ulimit {
  const equals = value.indexOf("=");
  if (equals < 0) throw invalid(`invalid ulimit argument: ${value}`);
  const name = value.slice(0, equals);
  if (!ULIMITS.has(name)) throw invalid(`invalid ulimit type: ${name}`);
  const limits = value.slice(equals + 1).split(":");
  if (limits.length > 2)
    throw invalid(
      `too many limit value arguments - ${value.slice(equals + 1)}, can only have up to two, \`soft[:hard]\``,
    );
  const [low = 0, high = low] = limits.map(limitOf);
  if (high !== -1 && (low > high || low === -1)) {
    const more = low === -1 ? "ulimit soft limit must be less than or equal to hard limit: hard limit:" : "";
    if (more !== "") throw invalid(`${more} ${high}, soft: -1 (unlimited)`);
    throw invalid(`ulimit soft limit must be less than or equal to hard limit: ${low} > ${high}`);
  }
  return { Name: name, Soft: low, Hard: high };
}

export function restartOf(value: string): { Name: string; MaximumRetryCount: number } {
  const colon = value.indexOf(":");
  const [name, count] = colon < 0 ? [value, ""] : [value.slice(0, colon), value.slice(colon + 1)];
  const refuse = (why: string) => invalid(`invalid restart policy format: ${why}`);
  if (colon === 0) throw refuse("no policy provided before colon");
  if (count !== "" && !/^[+-]?\d+$/.test(count)) throw refuse("maximum retry count must be an integer");
  return { Name: name, MaximumRetryCount: Number(count) };
}
