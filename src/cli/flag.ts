/** Flags: what they are, and what one call gave. */

/** `bool` takes no value; `list` may be repeated; the type's own name is what help shows unless `type` says otherwise. */
export type FlagKind = "bool" | "string" | "int" | "list";

export interface Flag {
  readonly name: string;
  readonly short?: string;
  readonly kind: FlagKind;
  /** Shown in help: `bytes`, `decimal`, `map`, `duration` … */
  readonly type?: string;
  /** Shown in help, and the value when it is not given. */
  readonly default?: string;
  readonly usage: string;
  readonly hidden?: boolean;
  /** Another name of this flag: values of both come in the order they are given. */
  readonly sameAs?: string;
  /** Throws what is wrong with a value: said before anything else happens. */
  readonly check?: (value: string) => unknown;
}

/** Flags and words of one call. */
export interface Parsed {
  readonly words: readonly string[];
  /** Given on the command line. */
  given(name: string): boolean;
  bool(name: string): boolean;
  /** The last one, or the default, or "". */
  text(name: string): string;
  /** @throws a usage error for what is no number */
  number(name: string): number;
  list(name: string): readonly string[];
}

export function bool(name: string, usage: string, short?: string, value = ""): Flag {
  return {
    name,
    kind: "bool",
    usage,
    ...(short === undefined ? {} : { short }),
    ...(value === "" ? {} : { default: value }),
  };
}

export function text(name: string, usage: string, more: Partial<Flag> = {}): Flag {
  return { name, kind: "string", usage, ...more };
}

export function list(name: string, usage: string, more: Partial<Flag> = {}): Flag {
  return { name, kind: "list", usage, ...more };
}

export function int(name: string, usage: string, more: Partial<Flag> = {}): Flag {
  return { name, kind: "int", usage, ...more };
}
