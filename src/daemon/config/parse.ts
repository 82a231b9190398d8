/** Reads a command line as Go's pflag does, in pflag's words. */
import { messageOf, SkiffError } from "../../lib/errors.ts";
import { FLAGS, type Flag, isMany } from "./flags.ts";
import { checkValue } from "./values.ts";

/** Flag name → values in the order given; one that is no list has its last one only. */
export type Given = ReadonlyMap<string, readonly string[]>;

const BY_NAME = new Map(FLAGS.map((flag) => [flag.name, flag]));
const BY_SHORT = new Map(FLAGS.flatMap((flag) => (flag.short === undefined ? [] : [[flag.short, flag]])));

const invalid = (text: string) => new SkiffError("invalid_argument", text);

class Parser {
  readonly #given = new Map<string, string[]>();
  readonly #words: string[];

  constructor(argv: readonly string[]) {
    this.#words = [...argv];
  }

  parse(): Given {
    for (let word = this.#words.shift(); word !== undefined; word = this.#words.shift()) {
      if (word === "--" && this.#words.length === 0) break;
      if (!word.startsWith("-") || word === "-" || word === "--")
        throw invalid(`"skiffd" accepts no arguments.`);
      if (word.startsWith("--")) this.#long(word);
      else this.#short(word);
    }
    return this.#given;
  }

  #long(word: string): void {
    const equals = word.indexOf("=");
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    if (name === "" || name.startsWith("-")) throw invalid(`bad flag syntax: ${word}`);
    const flag = BY_NAME.get(name);
    if (flag === undefined) throw invalid(`unknown flag: --${name}`);
    const given = equals >= 0 ? word.slice(equals + 1) : undefined;
    this.#set(flag, given ?? this.#valueOf(flag, `--${name}`));
  }

  /** `-D`, `-Dl debug`, `-ldebug`, `-l=debug`. */
  #short(word: string): void {
    const letters = word.slice(1);
    for (let at = 0; at < letters.length; at += 1) {
      const flag = BY_SHORT.get(letters[at]!);
      if (flag === undefined)
        throw invalid(`unknown shorthand flag: '${letters[at]}' in -${letters.slice(at)}`);
      const rest = letters.slice(at + 1);
      const takesRest = rest.startsWith("=") || (flag.kind !== "bool" && rest !== "");
      this.#set(
        flag,
        takesRest ? rest.replace(/^=/, "") : this.#valueOf(flag, `'${letters[at]}' in -${letters.slice(at)}`),
      );
      if (takesRest) return;
    }
  }

  /** The next word, which a flag without a value takes; true for a switch. */
  #valueOf(flag: Flag, shown: string): string {
    if (flag.kind === "bool") return "true";
    const value = this.#words.shift();
    if (value === undefined) throw invalid(`flag needs an argument: ${shown}`);
    return value;
  }

  #set(flag: Flag, value: string): void {
    let checked: string;
    try {
      checked = checkValue(flag, value);
    } catch (error) {
      const name = flag.short === undefined ? `--${flag.name}` : `-${flag.short}, --${flag.name}`;
      throw invalid(`invalid argument "${value}" for "${name}" flag: ${messageOf(error)}`);
    }
    const before = isMany(flag) ? (this.#given.get(flag.name) ?? []) : [];
    this.#given.set(flag.name, [...before, checked]);
  }
}

/** @throws invalid_argument in pflag's words */
export function parseFlags(argv: readonly string[]): Given {
  return new Parser(argv).parse();
}
