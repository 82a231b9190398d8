/** Help texts in docker's layout, from a command's own data. */
import { windowSize } from "../../kernel/stdout.ts";
import type { Command, Flag } from "../command.ts";
import { wrapText } from "./wrap.ts";

const PROGRAM = "skiff";
const STDIN = 0;
/** Of a terminal that nobody sees. */
const COLUMNS = 80;
const NAME_WIDTH = 11;
/** Between a flag and what it does. */
const GAP = 3;

function flagLine({ short, name, kind, type }: Flag): string {
  const head = short === undefined ? `      --${name}` : `  -${short}, --${name}`;
  const shown = kind === "bool" ? "" : ` ${type ?? (kind === "list" ? "list" : kind)}`;
  return head + shown;
}

function withDefault({ usage, kind, type, default: given }: Flag): string {
  // As Go shows an empty map.
  const value = given ?? (type === "map" ? "map[]" : "");
  if (value === "" || value === "false" || value === "0") return usage;
  return `${usage} (default ${kind === "string" ? JSON.stringify(value) : value})`;
}

export function flagsHelp(flags: readonly Flag[]): string {
  const shown = flags.filter((flag) => flag.hidden !== true).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const heads = shown.map(flagLine);
  const width = Math.max(0, ...heads.map((head) => head.length));
  const columns = (windowSize(STDIN)?.columns ?? COLUMNS) - 1;
  const usageOf = (flag: Flag) => wrapText(withDefault(flag), width + GAP, columns);
  return shown.map((flag, at) => `${heads[at]!.padEnd(width + GAP)}${usageOf(flag)}\n`).join("");
}

/** `name`: as it was called; `names`: all it has, the full one first. */
export function commandHelp(name: string, names: readonly string[], command: Command): string {
  const parts = [
    `Usage:  ${PROGRAM} ${name}${command.usage === "" ? "" : ` ${command.usage}`}\n\n${[command.summary, command.details].filter(Boolean).join("\n\n")}\n`,
  ];
  if (names.length > 1) {
    // Those in the group before those at the top.
    const ordered = [...names].sort((a, b) => Number(!a.includes(" ")) - Number(!b.includes(" ")));
    parts.push(`\nAliases:\n  ${ordered.map((other) => `${PROGRAM} ${other}`).join(", ")}\n`);
  }
  if (command.flags.some(({ hidden }) => hidden !== true))
    parts.push(`\nOptions:\n${flagsHelp(command.flags)}`);
  return parts.join("");
}

export interface GroupLine {
  readonly name: string;
  readonly summary: string;
}

function lines(entries: readonly GroupLine[]): string {
  const width = Math.max(NAME_WIDTH, ...entries.map(({ name }) => name.length));
  return entries.map(({ name, summary }) => `  ${name.padEnd(width)} ${summary}\n`).join("");
}

export function groupHelp(group: string, summary: string, entries: readonly GroupLine[]): string {
  const more = `Run '${PROGRAM} ${group} COMMAND --help' for more information on a command.`;
  return `Usage:  ${PROGRAM} ${group} COMMAND\n\n${summary}\n\nCommands:\n${lines(entries)}\n${more}\n`;
}

export interface RootLines {
  readonly common: readonly GroupLine[];
  readonly groups: readonly GroupLine[];
  readonly others: readonly GroupLine[];
  readonly flags: readonly Flag[];
}

export function rootHelp({ common, groups, others, flags }: RootLines): string {
  return `Usage:  ${PROGRAM} [OPTIONS] COMMAND\n
A self-sufficient runtime for containers\n
Common Commands:\n${lines(common)}
Management Commands:\n${lines(groups)}
Commands:\n${lines(others)}
Global Options:\n${flagsHelp(flags)}
Run '${PROGRAM} COMMAND --help' for more information on a command.
`;
}
