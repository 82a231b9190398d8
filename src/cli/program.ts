/** Finds the command, parses its flags, runs it, says what went wrong. */
import { writeStderr, writeStdout } from "../kernel/stdout.ts";
import { messageOf } from "../lib/errors.ts";
import { bool, type Command, type Context, type Flag, list, text } from "./command.ts";
import { COMMANDS, type Entry, GROUPS } from "./commands/table.ts";
import { CliError, HelpError, UsageError } from "./errors.ts";
import { parseFlags } from "./parse/flags.ts";
import { createClient } from "./transport/client.ts";
import { readSettings } from "./transport/settings.ts";
import { sayVersion } from "./version.ts";

const GLOBAL: readonly Flag[] = [
  text("config", "Location of client config files", { default: `${process.env["HOME"] ?? "/root"}/.docker` }),
  text("context", "Name of the context to use to connect to the daemon", { short: "c" }),
  bool("debug", "Enable debug mode", "D"),
  list("host", "Daemon socket to connect to", { short: "H" }),
  text("log-level", "Set the logging level", { short: "l", default: "info" }),
  bool("version", "Print version information and quit", "v"),
  { ...bool("help", "Print usage", "h"), hidden: true },
];

const HELP: Flag = { ...bool("help", "Print usage"), hidden: true };

/** The longest entry that the words begin with: `container ls`, `ps`. */
function findEntry(words: readonly string[]): { readonly entry: Entry; readonly used: number } | undefined {
  for (const used of [3, 2, 1]) {
    const name = words.slice(0, used).join(" ");
    const entry = COMMANDS.find(({ path, aliases = [] }) => path === name || aliases.includes(name));
    if (words.length >= used && entry !== undefined) return { entry, used };
  }
  return undefined;
}

async function showHelp(words: readonly string[]): Promise<number> {
  const { groupHelp, rootHelp } = await import("./parse/help.ts");
  const group = words[0] ?? "";
  if (group in GROUPS) {
    const entries = COMMANDS.filter(({ path }) => path.startsWith(`${group} `));
    const shown = entries.map(({ path, summary }) => ({ name: path.slice(group.length + 1), summary }));
    writeStdout(groupHelp(group, GROUPS[group]!, shown));
    return 0;
  }
  const top = COMMANDS.flatMap(({ path, aliases = [], summary, common = false }) =>
    [path, ...aliases].filter((name) => !name.includes(" ")).map((name) => ({ name, summary, common })),
  ).sort((a, b) => (a.name < b.name ? -1 : 1));
  const groups = Object.entries(GROUPS).map(([name, summary]) => ({ name, summary }));
  writeStdout(
    rootHelp(
      top.filter(({ common }) => common),
      groups,
      top.filter(({ common }) => !common),
      GLOBAL,
    ),
  );
  return 0;
}

function checkWords(name: string, command: Command, count: number): void {
  const { min, max } = command.words;
  if (count >= min && count <= max) return;
  const plural = (number: number) => `${number} argument${number === 1 ? "" : "s"}`;
  const needs =
    max === 0
      ? "accepts no arguments"
      : min === max
        ? `requires ${plural(min)}`
        : max === Number.POSITIVE_INFINITY
          ? `requires at least ${plural(min)}`
          : min === 0
            ? `requires at most ${plural(max)}`
            : `requires at least ${min} and at most ${plural(max)}`;
  const open = max === Number.POSITIVE_INFINITY;
  const usage = `Usage:  skiff ${name}${command.usage === "" ? "" : ` ${command.usage}`}`;
  throw new CliError(
    `skiff: 'skiff ${name}' ${needs}\n\n${usage}\n\n${open ? "See" : "Run"} 'skiff ${name} --help' for more information`,
  );
}

async function runCommand(
  entry: Entry,
  name: string,
  argv: readonly string[],
  settings: Context["settings"],
) {
  const { command } = await entry.load();
  try {
    const parsed = parseFlags([...command.flags, HELP], argv, command.stopsAtWord === true);
    if (parsed.bool("help")) {
      const { commandHelp } = await import("./parse/help.ts");
      writeStdout(commandHelp(name, [entry.path, ...(entry.aliases ?? [])], command));
      return 0;
    }
    checkWords(name, command, parsed.words.length);
    const startDaemon = async () => (await import("./transport/autostart.ts")).startOwnDaemon();
    return await command.run({ ...parsed, settings, client: createClient(settings, startDaemon) });
  } catch (error) {
    return sayError(error, name, command);
  }
}

/** One place says what went wrong, and answers the exit code. */
function sayError(error: unknown, name: string, { usage: words }: Command): number {
  const message = messageOf(error);
  const help = `\nRun 'skiff ${name} --help' for more information`;
  if (error instanceof UsageError) {
    const usage = `\nUsage:  skiff ${name}${words === "" ? "" : ` ${words}`}\n`;
    writeStderr(`${message}\n${usage}${help}\n`);
    return 125;
  }
  if (error instanceof CliError) {
    if (message !== "") writeStderr(`${message}\n`);
    return error.exitCode;
  }
  if (error instanceof HelpError) {
    const verb = name.slice(name.lastIndexOf(" ") + 1);
    writeStderr(`skiff: ${message}\n\nRun 'skiff ${verb} --help' for more information\n`);
    return error.exitCode;
  }
  writeStderr(`${message}\n`);
  return 1;
}

export async function runProgram(argv: readonly string[]): Promise<number> {
  try {
    const global = parseFlags(GLOBAL, argv, true);
    if (global.bool("version")) return sayVersion();
    const words = global.words[0] === "help" ? global.words.slice(1) : global.words;
    const found = findEntry(words);
    if (found === undefined) {
      const [first = ""] = words;
      if (first === "" || (first in GROUPS && [undefined, "--help", "-h"].includes(words[1])))
        return await showHelp(words);
      throw new CliError(
        first in GROUPS
          ? `skiff: unknown command: skiff ${words.slice(0, 2).join(" ")}\n\nUsage:  skiff ${first} COMMAND\n\nRun 'skiff ${first} --help' for more information`
          : `skiff: unknown command: skiff ${first}\n\nRun 'skiff --help' for more information`,
      );
    }
    const { entry, used } = found;
    const rest = global.words[0] === "help" ? ["--help"] : words.slice(used);
    return await runCommand(entry, words.slice(0, used).join(" "), rest, readSettings(global));
  } catch (error) {
    if (error instanceof CliError) {
      writeStderr(`${error.message}\n`);
      return error.exitCode;
    }
    writeStderr(
      `${messageOf(error)}\n\nUsage:  skiff [OPTIONS] COMMAND [ARG...]\n\nRun 'skiff --help' for more information\n`,
    );
    return error instanceof UsageError ? 125 : 1;
  }
}
