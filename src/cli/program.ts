/** Finds the command, parses its flags, runs it, says what went wrong. */
import { writeStderr, writeStdout } from "../kernel/stdout.ts";
import { messageOf, type SkiffError } from "../lib/errors.ts";
import { bool, type Command, type Context, type Flag } from "./command.ts";
import type { Entry } from "./commands/entry.ts";
import { COMMANDS, GROUPS } from "./commands/table.ts";
import { CliError, HelpError, UsageError } from "./errors.ts";
import { GLOBAL_FLAGS } from "./global-flags.ts";
import { parseFlags } from "./parse/flags.ts";
import { createClient } from "./transport/client.ts";
import { readSettings } from "./transport/settings.ts";
import { sayVersion } from "./version.ts";

const USAGE_CODE = 125;
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

/** A group alone is a question, too, but its answer is no output. */
async function help(words: readonly string[], asks: boolean): Promise<number | undefined> {
  const [first = "", second] = words;
  const { showGroupHelp, showRootHelp } = await import("./root-help.ts");
  const asked = second === undefined || words.includes("--help") || words.includes("-h");
  const write = asks || second !== undefined ? writeStdout : writeStderr;
  if (first in GROUPS && asked) return showGroupHelp(first, write);
  return first === "" || words.includes("--help") ? showRootHelp() : undefined;
}

/** Why no command was found in a group's words, or in any. */
function unknownCommand([first = "", second = ""]: readonly string[]): SkiffError {
  if (!(first in GROUPS))
    return new CliError(`skiff: unknown command: skiff ${first}\n\nRun 'skiff --help' for more information`);
  // Of the groups volume alone says so.
  const usage = `Usage:  skiff ${first}${first === "volume" ? " COMMAND" : ""}\n\nRun 'skiff ${first} --help' for more information`;
  if (!second.startsWith("-"))
    return new CliError(`skiff: unknown command: skiff ${first} ${second}\n\n${usage}`);
  try {
    parseFlags([HELP], [second], true);
  } catch (error) {
    return new CliError(`${messageOf(error)}\n\n${usage}`, USAGE_CODE);
  }
  return new UsageError(second);
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
  settingsOf: () => Context["settings"],
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
    const settings = settingsOf();
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
    return USAGE_CODE;
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

const LEVELS = ["trace", "debug", "info", "warn", "warning", "error", "fatal", "panic"];

async function dispatch(argv: readonly string[]): Promise<number> {
  const global = parseFlags(GLOBAL_FLAGS, argv, true);
  if (global.bool("version")) return sayVersion();
  const asksHelp = global.words[0] === "help" || global.bool("help");
  const words = global.words[0] === "help" ? global.words.slice(1) : global.words;
  const found = findEntry(words);
  if (found === undefined) {
    if (asksHelp && words[0] !== undefined && !(words[0] in GROUPS))
      throw new CliError(`unknown help topic: ${words.join(" ")}`);
    const code = await help(asksHelp ? words.slice(0, 1) : words, asksHelp);
    if (code !== undefined) return code;
    throw unknownCommand(words);
  }
  const level = global.text("log-level");
  if (!LEVELS.includes(level)) throw new CliError(`Unable to parse logging level: ${level}`);
  const { entry, used } = found;
  const rest = asksHelp ? ["--help"] : words.slice(used);
  // A name at the top is a command of its own; another name in the group is not.
  const name = used === 1 ? words[0]! : entry.path;
  return runCommand(entry, name, rest, () => readSettings(global));
}

export async function runProgram(argv: readonly string[]): Promise<number> {
  try {
    return await dispatch(argv);
  } catch (error) {
    if (error instanceof CliError) {
      writeStderr(`${error.message}\n`);
      return error.exitCode;
    }
    const usage = "Usage:  skiff [OPTIONS] COMMAND [ARG...]\n\nRun 'skiff --help' for more information\n";
    writeStderr(`${messageOf(error)}\n\n${usage}`);
    return error instanceof UsageError ? USAGE_CODE : 1;
  }
}
