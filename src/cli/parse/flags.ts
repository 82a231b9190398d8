/** Flags as pflag takes them: `--name value`, `--name=value`, `-n value`, `-nvalue`, `-abc` for switches, `--` ends them. */
import type { Flag, Parsed } from "../command.ts";
import { UsageError } from "../errors.ts";
import { checkValue, TRUE } from "./check.ts";

class Scan {
  readonly words: string[] = [];
  readonly found = new Map<string, string[]>();

  constructor(
    private readonly flags: readonly Flag[],
    private readonly argv: readonly string[],
    private readonly stopsAtWord: boolean,
  ) {}

  run(): void {
    for (let at = 0; at < this.argv.length; at++) {
      const word = this.argv[at]!;
      if (word === "--") {
        this.words.push(...this.argv.slice(at + 1));
        return;
      }
      if (!word.startsWith("-") || word === "-") {
        if (this.stopsAtWord) {
          this.words.push(...this.argv.slice(at));
          return;
        }
        this.words.push(word);
      } else at = word.startsWith("--") ? this.#long(word, at) : this.#short(word, at);
    }
  }

  #set(flag: Flag, shown: string, value: string): void {
    checkValue(flag, shown, value);
    const name = flag.sameAs ?? flag.name;
    this.found.set(name, [...(this.found.get(name) ?? []), value]);
  }

  #long(word: string, at: number): number {
    const equals = word.indexOf("=");
    const name = word.slice(2, equals < 0 ? undefined : equals);
    if (name === "" || name.startsWith("-")) throw new UsageError(`bad flag syntax: ${word}`);
    const flag = this.flags.find((known) => known.name === name);
    if (flag === undefined) throw new UsageError(`unknown flag: --${name}`);
    const shown = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
    if (equals >= 0) this.#set(flag, shown, word.slice(equals + 1));
    else if (flag.kind === "bool") this.#set(flag, shown, "true");
    else {
      const value = this.argv[at + 1];
      if (value === undefined) throw new UsageError(`flag needs an argument: --${name}`);
      this.#set(flag, shown, value);
      return at + 1;
    }
    return at;
  }

  #short(word: string, at: number): number {
    for (let index = 1; index < word.length; index++) {
      const letter = word[index]!;
      const flag = this.flags.find((known) => known.short === letter);
      if (flag === undefined)
        throw new UsageError(`unknown shorthand flag: '${letter}' in -${word.slice(index)}`);
      const shown = `-${letter}, --${flag.name}`;
      const rest = word.slice(index + 1);
      if (flag.kind === "bool") {
        if (rest.length > 1 && rest.startsWith("=")) {
          this.#set(flag, shown, rest.slice(1));
          return at;
        }
        this.#set(flag, shown, "true");
        continue;
      }
      if (rest !== "") {
        this.#set(flag, shown, rest.length > 1 && rest.startsWith("=") ? rest.slice(1) : rest);
        return at;
      }
      const value = this.argv[at + 1];
      if (value === undefined)
        throw new UsageError(`flag needs an argument: '${letter}' in -${word.slice(index)}`);
      this.#set(flag, shown, value);
      return at + 1;
    }
    return at;
  }
}

/** @throws UsageError in pflag's words */
export function parseFlags(flags: readonly Flag[], argv: readonly string[], stopsAtWord: boolean): Parsed {
  const scan = new Scan(flags, argv, stopsAtWord);
  scan.run();
  const { found, words } = scan;
  const text = (name: string): string =>
    found.get(name)?.at(-1) ?? flags.find((flag) => flag.name === name)?.default ?? "";
  return {
    words,
    text,
    given: (name) => found.has(name),
    bool: (name) => TRUE.includes(text(name)),
    number: (name) => Number(text(name) || "0"),
    list: (name) => found.get(name) ?? [],
  };
}
