/** Values of create's flags, from docker's way to write them to the API's. @throws CliError in docker's words, exit code 125 */
import { readFileSync } from "node:fs";
import { messageOf } from "../../../lib/errors.ts";
import { CliError } from "../../errors.ts";
import { parseBytes, parseDuration } from "../../format/units.ts";

export function invalid(message: string): CliError {
  return new CliError(message, 125);
}

function invalidFlag(value: string, flag: string, why: string): CliError {
  return invalid(`invalid argument "${value}" for "${flag}" flag: ${why}`);
}

/** 0 for "". */
export function bytesOf(value: string, flag: string): number {
  if (value === "") return 0;
  if (value === "-1") return -1;
  const bytes = parseBytes(value);
  if (bytes === undefined) throw invalidFlag(value, flag, `invalid size: '${value}'`);
  return bytes;
}

/** Nanoseconds. */
export function durationOf(value: string, flag: string): number {
  if (value === "") return 0;
  const ns = parseDuration(value);
  if (ns === undefined) throw invalidFlag(value, flag, `time: invalid duration "${value}"`);
  return ns;
}

/** `0.5` CPUs as billionths. */
export function nanoCpusOf(value: string): number {
  if (value === "") return 0;
  if (!/^\d*\.?\d+$|^\d+\.$/.test(value))
    throw invalidFlag(value, "--cpus", `failed to parse ${value} as a rational number`);
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

function readLines(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw invalid(`open ${path}: ${missing ? "no such file or directory" : messageOf(error)}`);
  }
  return text
    .replace(/^\ufeff/, "")
    .split("\n")
    .map((line) => line.replace(/\r$/, "").trimStart())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** Lines `NAME=value`; `NAME` alone is taken from our own environment, or left out. */
export function environmentOf(files: readonly string[], given: readonly string[]): string[] {
  const fromFiles = files.flatMap((path) =>
    readLines(path).map((line) => {
      const name = line.split("=", 1)[0]!;
      if (/\s/.test(name))
        throw invalid(`invalid environment variable: ${line}: variable '${name}' contains whitespaces`);
      if (name === "") throw invalid(`invalid env file (${path}): no variable name on line '${line}'`);
      return line;
    }),
  );
  const resolved = [...fromFiles, ...given].flatMap((entry) => {
    if (entry.startsWith("=") || entry === "") throw invalid(`invalid environment variable: ${entry}`);
    if (entry.includes("=")) return [entry];
    const value = process.env[entry];
    return value === undefined ? [] : [`${entry}=${value}`];
  });
  return resolved;
}

export function labelsOf(files: readonly string[], given: readonly string[]): Record<string, string> {
  return pairsOf([...files.flatMap(readLines), ...given]);
}

export interface Ulimit {
  readonly Name: string;
  readonly Soft: number;
  readonly Hard: number;
}

const ULIMITS = new Set(
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(
    " ",
  ),
);

export function ulimitOf(value: string): Ulimit {
  const [, name = "", soft = "", hard] = /^([^=]*)=(-?\d+)(?::(-?\d+))?$/.exec(value) ?? [];
  if (name === "") throw invalidFlag(value, "--ulimit", `invalid ulimit argument: ${value}`);
  if (!ULIMITS.has(name)) throw invalidFlag(value, "--ulimit", `invalid ulimit type: ${name}`);
  const [low, high] = [Number(soft), Number(hard ?? soft)];
  if (high !== -1 && low > high)
    throw invalidFlag(
      value,
      "--ulimit",
      `ulimit soft limit must be less than or equal to hard limit: ${low} > ${high}`,
    );
  return { Name: name, Soft: low, Hard: high };
}

export function restartOf(value: string): { Name: string; MaximumRetryCount: number } {
  const [name = "", count] = value.split(":");
  if (count !== undefined && !/^\d+$/.test(count)) throw invalid("maximum retry count must be an integer");
  return { Name: name, MaximumRetryCount: Number(count ?? "0") };
}

/** A command line in words, as a shell would part it (health-cmd keeps its text). */
export function splitPair(value: string, what: string, flag: string): [string, string] {
  const at = value.indexOf(":");
  if (at <= 0 || at === value.length - 1) throw invalidFlag(value, flag, `bad format for ${what}: ${value}`);
  return [value.slice(0, at), value.slice(at + 1)];
}
