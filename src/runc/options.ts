/** Flags as runc takes them: before the first positional word, `--name value`, `--name=value`, `-n value`, boolean without a value. */
import { SkiffError } from "../lib/errors.ts";

export interface Flag {
  readonly kind: "boolean" | "value" | "values";
  readonly short?: string;
}
export type Flags = Readonly<Record<string, Flag>>;

export interface Parsed {
  readonly words: readonly string[];
  has(name: string): boolean;
  value(name: string): string | undefined;
  values(name: string): readonly string[];
}

export const BOOLEAN: Flag = { kind: "boolean" };
export const VALUE: Flag = { kind: "value" };

export function parseFlags(argv: readonly string[], flags: Flags): Parsed {
  const found = new Map<string, string[]>();
  const byShort = new Map(Object.entries(flags).map(([name, { short }]) => [short, name]));
  let at = 0;
  for (; at < argv.length; at++) {
    const word = argv[at]!;
    if (word === "--") {
      at++;
      break;
    }
    if (!word.startsWith("-") || word === "-") break;
    const [, typed = "", inline] = /^--?([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
    const name = Object.hasOwn(flags, typed) ? typed : byShort.get(typed);
    if (name === undefined)
      throw new SkiffError("invalid_argument", `flag provided but not defined: -${typed}`);
    const value = flags[name]!.kind === "boolean" ? (inline ?? "true") : (inline ?? argv[++at]);
    if (value === undefined) throw new SkiffError("invalid_argument", `flag needs an argument: -${typed}`);
    found.set(name, [...(found.get(name) ?? []), value]);
  }
  return {
    words: argv.slice(at),
    has: (name) => !["false", undefined].includes(found.get(name)?.at(-1)),
    value: (name) => found.get(name)?.at(-1),
    values: (name) => found.get(name) ?? [],
  };
}

/** A decimal whole number; anything else is an error that names the flag. */
export function parseWhole(name: string, text: string): number {
  if (!/^-?\d{1,19}$/.test(text)) {
    throw new SkiffError("invalid_argument", `invalid value "${text}" for flag -${name}`);
  }
  return Number(text);
}
