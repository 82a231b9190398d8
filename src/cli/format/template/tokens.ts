/** The words between `{{` and `}}`. */
import { TemplateError } from "./nodes.ts";

export interface Token {
  readonly kind: "word" | "field" | "variable" | "value" | "mark";
  readonly text: string;
  /** Of `.A.B` and `$x.A.B`. */
  readonly fields: readonly string[];
  readonly value: unknown;
  /** Offset in the source, for messages. */
  readonly at: number;
  /** White space stood before it. */
  readonly spaced: boolean;
}

export interface Tokens {
  readonly tokens: Token[];
  /** Behind `}}`. */
  readonly end: number;
  readonly trimAfter: boolean;
  /** Nothing but a comment. */
  readonly comment: boolean;
}

const SPACE = /\s+/y;
const COMMENT = /\/\*[\s\S]*?\*\//y;
const FIELD = /\.[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}_][\p{L}\p{N}_]*)*|\./uy;
const VARIABLE = /\$[\p{L}\p{N}_]*((?:\.[\p{L}_][\p{L}\p{N}_]*)*)/uy;
const NUMBER = /[+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\p{L}\p{N}_])/uy;
const WORD = /[\p{L}_][\p{L}\p{N}_]*/uy;
const STRING = /"(?:[^"\\\n]|\\.)*"/y;
const RAW = /`[^`]*`/y;
const CHARACTER = /'(?:[^'\\\n]|\\.)'/y;
const MARK = /:=|[=|(),]/y;
const END = /\s-\}\}|\}\}/y;

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", f: "\f", v: "\v", "\\": "\\", '"': '"', "'": "'" },
};

function unquote(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[0-7]{3}|.)/g, (_, code: string) => {
    if (code in ESCAPES) return ESCAPES[code]!;
    if (/^[xu]/.test(code) && code.length > 1) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    if (/^[0-7]{3}$/.test(code)) return String.fromCharCode(Number.parseInt(code, 8));
    throw new TemplateError("template: :1: invalid syntax in string");
  });
}

const CONSTANTS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["true", true],
  ["false", false],
  ["nil", null],
]);

/** Reads from `start`, behind `{{`, to the matching `}}`. @throws TemplateError */
export function tokenize(source: string, start: number): Tokens {
  const tokens: Token[] = [];
  let at = start;
  let spaced = false;
  const match = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(source);
    if (found === null) return undefined;
    at += found[0].length;
    return found;
  };
  const push = (kind: Token["kind"], text: string, more: Partial<Token> = {}) => {
    tokens.push({ kind, text, fields: [], value: undefined, at: at - text.length, spaced, ...more });
    spaced = false;
  };
  let comment = false;
  for (;;) {
    const before = at;
    const end = match(END);
    if (end !== undefined)
      return { tokens, end: at, trimAfter: end[0].includes("-"), comment: comment && tokens.length === 0 };
    const skipped = match(SPACE) === undefined && match(COMMENT) !== undefined;
    comment ||= skipped;
    if (skipped || at > before) {
      spaced = true;
      continue;
    }
    let found = match(FIELD);
    if (found !== undefined) {
      push("field", found[0], { fields: found[0].split(".").filter((name) => name !== "") });
    } else if ((found = match(VARIABLE)) !== undefined) {
      const fields = found[1]!.split(".").filter((name) => name !== "");
      const name = found[0].slice(0, found[0].length - found[1]!.length);
      push("variable", name, { fields, at: at - found[0].length });
    } else if ((found = match(NUMBER)) !== undefined) push("value", found[0], { value: Number(found[0]) });
    else if ((found = match(STRING)) !== undefined) push("value", found[0], { value: unquote(found[0]) });
    else if ((found = match(RAW)) !== undefined) push("value", found[0], { value: found[0].slice(1, -1) });
    else if ((found = match(CHARACTER)) !== undefined)
      push("value", found[0], { value: unquote(found[0]).codePointAt(0) });
    else if ((found = match(WORD)) !== undefined) {
      const constant = CONSTANTS.has(found[0]);
      push(constant ? "value" : "word", found[0], constant ? { value: CONSTANTS.get(found[0]) } : {});
    } else if ((found = match(MARK)) !== undefined) push("mark", found[0]);
    else if (at >= source.length) throw new TemplateError("template: :1: unclosed action");
    else if (source[at] === '"') throw new TemplateError("template: :1: unterminated quoted string");
    else if (source[at] === "`") throw new TemplateError("template: :1: unterminated raw quoted string");
    else throw new TemplateError(`template: :1: unexpected ${JSON.stringify(source[at])} in command`);
  }
}
