/** Words of instructions: quotes, escapes and variables as a shell has them, nothing else. */
import { SkiffError, wrap } from "../../../lib/errors.ts";

export type Variables = ReadonlyMap<string, string>;

const invalid = (why: string) => new SkiffError("invalid_argument", why);
const NAME = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9])/;
const DEPTH_MAX = 32;

class Expander {
  #at = 0;
  #words: string[] = [];
  #word: string | undefined;

  constructor(
    private readonly text: string,
    private readonly esc: string,
    private readonly variables: Variables,
    private readonly depth: number,
  ) {
    if (depth > DEPTH_MAX) throw invalid("variables nested too deep");
  }

  /** `split`: blanks outside of quotes, and those of variables there, separate words. */
  run(split: boolean): string[] {
    while (this.#at < this.text.length) {
      const char = this.text[this.#at]!;
      if (char === "'") this.#single();
      else if (char === '"') this.#double();
      else if (char === "$") this.#spread(this.#variable(), split);
      else if (char === this.esc) this.#escaped();
      else if (split && /\s/.test(char)) this.#end();
      else this.#add(char);
      if (!"'\"$".includes(char) && char !== this.esc) this.#at++;
    }
    if (this.#word !== undefined) this.#words.push(this.#word);
    return this.#words;
  }

  #add(text: string): void {
    this.#word = (this.#word ?? "") + text;
  }

  #end(): void {
    if (this.#word !== undefined) this.#words.push(this.#word);
    this.#word = undefined;
  }

  #spread(value: string, split: boolean): void {
    if (!split) {
      this.#add(value);
      return;
    }
    for (const [index, piece] of value.split(/\s+/).entries()) {
      if (index > 0) this.#end();
      if (piece !== "") this.#add(piece);
    }
  }

  /** At the end of the text the escape stands for itself. */
  #escaped(): void {
    this.#add(this.text[this.#at + 1] ?? this.esc);
    this.#at += 2;
  }

  #single(): void {
    const end = this.text.indexOf("'", this.#at + 1);
    if (end < 0) throw invalid("unexpected end of statement while looking for matching single-quote");
    this.#add(this.text.slice(this.#at + 1, end));
    this.#at = end + 1;
  }

  #double(): void {
    this.#add("");
    this.#at++;
    for (;;) {
      const char = this.text[this.#at];
      if (char === undefined)
        throw invalid("unexpected end of statement while looking for matching double-quote");
      if (char === '"') break;
      if (char === "$") {
        this.#add(this.#variable());
        continue;
      }
      const next = this.text[this.#at + 1];
      if (char === this.esc && next !== undefined && ['"', "$", this.esc].includes(next)) {
        this.#add(next);
        this.#at++;
      } else this.#add(char);
      this.#at++;
    }
    this.#at++;
  }

  /** `$x`, `${x}`, `${x:-y}` …; a dollar before anything else is one. */
  #variable(): string {
    this.#at++;
    if (this.text[this.#at] === "{") return this.#braced();
    const name = NAME.exec(this.text.slice(this.#at))?.[0];
    if (name === undefined) return "$";
    this.#at += name.length;
    return this.variables.get(name) ?? "";
  }

  #braced(): string {
    const name = NAME.exec(this.text.slice(this.#at + 1))?.[0];
    if (name === undefined) throw invalid("syntax error: bad substitution");
    this.#at += 1 + name.length;
    const value = this.variables.get(name);
    if (this.text[this.#at] === "}") {
      this.#at++;
      return value ?? "";
    }
    const colon = this.text[this.#at] === ":";
    if (colon) this.#at++;
    const modifier = this.text[this.#at] ?? "";
    if (!"-+?".includes(modifier) || modifier === "")
      throw invalid(
        colon ? `unsupported modifier (${modifier}) in substitution` : "missing ':' in substitution",
      );
    this.#at++;
    const word = this.#untilBrace();
    const set = value !== undefined && !(colon && value === "");
    if (modifier === "-") return set ? value : word;
    if (modifier === "+") return set ? word : "";
    if (!set) throw invalid(`${name}: ${word === "" ? "not allowed to be unset" : word}`);
    return value;
  }

  #untilBrace(): string {
    const start = this.#at;
    for (let depth = 1; this.#at < this.text.length; this.#at++) {
      const char = this.text[this.#at];
      if (char === this.esc) this.#at++;
      else if (char === "{") depth++;
      else if (char === "}" && --depth === 0) {
        const inner = this.text.slice(start, this.#at++);
        return new Expander(inner, this.esc, this.variables, this.depth + 1).run(false).join("");
      }
    }
    throw invalid("syntax error: missing '}'");
  }
}

function expand(text: string, esc: string, variables: Variables, split: boolean): string[] {
  try {
    return new Expander(text, esc, variables, 0).run(split);
  } catch (error) {
    throw wrap(error, `failed to process ${JSON.stringify(text)}`);
  }
}

/** One word, whatever blanks are in it. */
export function expandWord(text: string, esc: string, variables: Variables): string {
  return expand(text, esc, variables, false).join("");
}

export function expandWords(text: string, esc: string, variables: Variables): string[] {
  return expand(text, esc, variables, true);
}

/** Split at blanks outside of quotes, with quotes and escapes left in. */
export function rawWords(text: string, esc: string): string[] {
  const words: string[] = [];
  let [word, quote] = ["", ""];
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (quote === "" && /\s/.test(char)) {
      if (word !== "") words.push(word);
      word = "";
    } else if (char === esc && quote !== "'" && at + 1 < text.length) word += char + text[++at]!;
    else {
      if (quote === "" && (char === '"' || char === "'")) quote = char;
      else if (char === quote) quote = "";
      word += char;
    }
  }
  if (word !== "") words.push(word);
  return words;
}
