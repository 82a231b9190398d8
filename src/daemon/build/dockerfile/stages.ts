/** Instructions checked before any is carried out, and put into stages. */

import { SkiffError } from "../../../lib/errors.ts";
import { rawWords } from "./expand.ts";
import { type Line, parseError, parseLines, syntaxError } from "./lines.ts";

export interface Stage {
  /** "" without AS. Lower case. */
  readonly name: string;
  /** As written; variables of ARGs before the first FROM. */
  readonly base: string;
  readonly platform: string;
  readonly from: Line;
  readonly lines: readonly Line[];
}

export interface Dockerfile {
  readonly esc: string;
  /** ARG lines before the first FROM. */
  readonly globals: readonly Line[];
  readonly stages: readonly Stage[];
}

const FLAGS: Readonly<Record<string, readonly string[]>> = {
  ...{ from: ["platform"], copy: ["from", "chown", "chmod"], add: ["chown", "chmod"] },
  healthcheck: ["interval", "timeout", "start-period", "start-interval", "retries"],
};
/** Those that take nothing else; undefined: anything. */
const KNOWN = new Set(
  "add arg cmd copy entrypoint env expose from healthcheck label maintainer onbuild run shell stopsignal user volume workdir".split(
    " ",
  ),
);
const ONE = new Set(["maintainer", "stopsignal", "user", "workdir"]);
const SOME = new Set(["run", "expose", "volume", "onbuild", "healthcheck", "shell"]);
const BUILDKIT = new Set([
  "mount",
  "network",
  "security",
  "link",
  "parents",
  "exclude",
  "checksum",
  "keep-git-dir",
]);
const STAGE = /^[a-z][a-z0-9-_.]*$/;

export function flagOf(line: Line, name: string): string {
  const found = line.flags.find((flag) => flag.startsWith(`--${name}=`));
  return found === undefined ? "" : found.slice(name.length + 3);
}

function checkFlags(line: Line): void {
  for (const flag of line.flags) {
    const name = flag.slice(2).split("=", 1)[0]!;
    if (FLAGS[line.name]?.includes(name)) {
      if (!flag.includes("=")) throw parseError(line.number, `Missing a value on flag: ${name}`);
      continue;
    }
    if (BUILDKIT.has(name))
      throw parseError(
        line.number,
        `the --${name} option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to build images with BuildKit enabled`,
      );
    throw parseError(line.number, `Unknown flag: ${name}`);
  }
}

function checkPairs(line: Line, esc: string): void {
  const NAME = line.name.toUpperCase();
  const words = rawWords(line.rest, esc);
  if (words.length === 0) throw syntaxError(`${NAME} requires at least one argument`);
  if (!words[0]!.includes("=")) {
    if (words.length < 2) throw syntaxError(`${NAME} must have two arguments`);
    return;
  }
  for (const word of words) {
    if (!word.includes("="))
      throw syntaxError(`Syntax error - can't find = in "${word}". Must be of the form: name=value`);
    if (word.startsWith("=")) throw syntaxError(`${NAME} names can not be blank`);
  }
}

/** `["a","b"]`; undefined when it is not JSON. @throws invalid_argument for a list of something else */
export function jsonList(line: Line): string[] | undefined {
  if (!line.rest.startsWith("[")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line.rest);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  if (!value.every((word) => typeof word === "string"))
    throw parseError(line.number, "when using JSON array syntax, arrays must be comprised of strings only");
  return value;
}

function checkOnBuild(line: Line): void {
  const trigger = line.rest.split(/\s/, 1)[0]!.toUpperCase();
  if (trigger === "ONBUILD")
    throw parseError(line.number, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger === "MAINTAINER" || trigger === "FROM")
    throw parseError(line.number, `${trigger} isn't allowed as an ONBUILD trigger`);
}

function check(line: Line, esc: string): void {
  const { name, rest, number } = line;
  const NAME = name.toUpperCase();
  if (!KNOWN.has(name)) throw parseError(number, `unknown instruction: ${NAME}`);
  checkFlags(line);
  if (name === "env" || name === "label") checkPairs(line, esc);
  if (ONE.has(name) && rest === "") throw parseError(number, `${NAME} requires exactly one argument`);
  if ((SOME.has(name) || name === "arg") && rest === "")
    throw parseError(number, `${NAME} requires at least one argument`);
  if (name === "onbuild") checkOnBuild(line);
  if (name === "shell" && jsonList(line) === undefined)
    throw parseError(number, "SHELL requires the arguments to be in JSON form");
  if ((name === "copy" || name === "add") && sourcesOf(line, esc).length < 2)
    throw parseError(
      number,
      `${NAME} requires at least two arguments, but only one was provided. Destination could not be determined`,
    );
}

/** Sources and, last, the destination of COPY and ADD. */
export function sourcesOf(line: Line, esc: string): readonly string[] {
  return jsonList(line) ?? rawWords(line.rest, esc);
}

/** Of an instruction that an image brings along. @throws invalid_argument */
export function parseTrigger(text: string): { readonly line: Line; readonly esc: string } {
  const { lines, esc } = parseLines(text);
  const line = lines[0]!;
  check(line, esc);
  return { line, esc };
}

function stageOf(from: Line, lines: readonly Line[]): Stage {
  const words = from.rest.split(/\s+/).filter((word) => word !== "");
  const named = words.length === 3 && words[1]!.toLowerCase() === "as";
  if (words.length !== 1 && !named)
    throw parseError(from.number, "FROM requires either one or three arguments");
  const name = named ? words[2]!.toLowerCase() : "";
  if (named && !STAGE.test(name))
    throw parseError(
      from.number,
      `invalid name for build stage: ${JSON.stringify(words[2])}, name can't start with a number or contain symbols`,
    );
  return { name, base: words[0]!, platform: flagOf(from, "platform"), from, lines };
}

/** @throws invalid_argument with the line's number */
export function parseDockerfile(text: string): Dockerfile {
  const { lines, esc } = parseLines(text);
  const globals: Line[] = [];
  const stages: { readonly from: Line; readonly lines: Line[] }[] = [];
  for (const line of lines) {
    check(line, esc);
    if (line.name === "from") stages.push({ from: line, lines: [] });
    else if (stages.length > 0) stages.at(-1)!.lines.push(line);
    else if (line.name === "arg") globals.push(line);
    else throw new SkiffError("invalid_argument", "no build stage in current context");
  }
  return { esc, globals, stages: stages.map((stage) => stageOf(stage.from, stage.lines)) };
}
