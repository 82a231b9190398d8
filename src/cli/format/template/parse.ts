/** From a template's text to its nodes. Of Go's language all but `define`, `template` and `block`, which no format of docker's has a use for. */
import { type Command, type Node, type Operand, type Pipe, TemplateError } from "./nodes.ts";
import { type Token, tokenize } from "./tokens.ts";

const TEXT_MAX = 64 * 1024;
const DEPTH_MAX = 100;

type Piece = { readonly text: string } | { readonly tokens: readonly Token[]; readonly at: number };

/** Text and actions, `{{-` and `-}}` applied. */
function split(source: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trim = false;
  while (at < source.length) {
    const open = source.indexOf("{{", at);
    let text = source.slice(at, open < 0 ? undefined : open);
    if (trim) text = text.trimStart();
    const trimBefore = open >= 0 && /^\{\{-\s/.test(source.slice(open, open + 4));
    if (trimBefore) text = text.trimEnd();
    if (text !== "") pieces.push({ text });
    if (open < 0) break;
    const start = open + (trimBefore ? 3 : 2);
    const { tokens, end, trimAfter, comment } = tokenize(source, start);
    trim = trimAfter;
    if (!comment) pieces.push({ tokens, at: start });
    at = end;
  }
  return pieces;
}

function tokenText({ kind, text, fields }: Token): string {
  return kind === "variable" ? [text, ...fields].join(".") : text;
}

class Parser {
  #next = 0;
  /** Those that may be used where we are. */
  readonly #variables: string[] = ["$"];
  #loops = 0;
  #functions: ReadonlySet<string>;

  constructor(
    private readonly pieces: readonly Piece[],
    functions: ReadonlySet<string>,
  ) {
    this.#functions = functions;
  }

  list(depth: number): { readonly nodes: Node[]; readonly end: readonly Token[] } {
    if (depth > DEPTH_MAX) throw new TemplateError("template: nested too deep");
    const nodes: Node[] = [];
    while (this.#next < this.pieces.length) {
      const piece = this.pieces[this.#next++]!;
      if ("text" in piece) {
        nodes.push({ kind: "text", text: piece.text });
        continue;
      }
      const [first] = piece.tokens;
      const word = first?.kind === "word" ? first.text : "";
      if (word === "end" || word === "else") return { nodes, end: piece.tokens };
      nodes.push(this.#action(piece.tokens, word, depth));
    }
    return { nodes, end: [] };
  }

  #action(tokens: readonly Token[], word: string, depth: number): Node {
    if (word === "break" || word === "continue") {
      if (this.#loops === 0) throw new TemplateError(`template: :1: {{${word}}} outside {{range}}`);
      return { kind: word };
    }
    if (word !== "if" && word !== "with" && word !== "range")
      return { kind: "action", pipe: new Expression(tokens, this.#functions, this.#variables).whole() };
    return this.#branch(word, tokens.slice(1), depth);
  }

  #branch(kind: "if" | "with" | "range", condition: readonly Token[], depth: number): Node {
    if (condition.length === 0) throw new TemplateError(`template: :1: missing value for ${kind}`);
    const outside = this.#variables.length;
    const pipe = new Expression(condition, this.#functions, this.#variables).whole();
    const branches = this.#bodies(kind, depth);
    this.#variables.length = outside;
    return { kind, pipe, ...branches };
  }

  /** What stands before `{{end}}`, and behind `{{else}}`. */
  #bodies(
    kind: "if" | "with" | "range",
    depth: number,
  ): { readonly then: readonly Node[]; readonly otherwise: readonly Node[] } {
    if (kind === "range") this.#loops++;
    const { nodes: then, end } = this.list(depth + 1);
    if (kind === "range") this.#loops--;
    const [word, chained] = end;
    if (word === undefined) throw new TemplateError("template: :1: unexpected EOF");
    if (word.text === "end") return { then, otherwise: [] };
    if (chained?.kind === "word" && (chained.text === "if" || chained.text === "with"))
      return { then, otherwise: [this.#branch(chained.text, end.slice(2), depth + 1)] };
    const { nodes: otherwise, end: last } = this.list(depth + 1);
    if (last[0]?.text !== "end") throw new TemplateError("template: :1: unexpected EOF");
    return { then, otherwise };
  }
}

/** The pipeline of one action. */
class Expression {
  #at = 0;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly functions: ReadonlySet<string>,
    private readonly variables: string[],
  ) {}

  whole(): Pipe {
    const pipe = this.#pipe(0);
    const left = this.tokens[this.#at];
    if (left?.text === ")") throw new TemplateError("template: :1: unexpected right paren");
    if (left !== undefined)
      throw new TemplateError(`template: :1: unexpected ${JSON.stringify(left.text)} in command`);
    return pipe;
  }

  #pipe(depth: number): Pipe {
    if (depth > DEPTH_MAX) throw new TemplateError("template: nested too deep");
    const { sets, assigns } = this.#declaration();
    const commands: Command[] = [];
    do commands.push(this.#command(depth));
    while (
      // A pipe at the end goes nowhere, and is allowed.
      this.#take("|") &&
      this.tokens[this.#at] !== undefined &&
      this.tokens[this.#at]!.text !== ")"
    );
    if (assigns) for (const name of sets) this.#check(name);
    else this.variables.push(...sets);
    return { sets, assigns, commands };
  }

  #take(text: string): boolean {
    const token = this.tokens[this.#at];
    if (token?.kind !== "mark" || token.text !== text) return false;
    this.#at++;
    return true;
  }

  #declaration(): Pick<Pipe, "sets" | "assigns"> {
    const names: string[] = [];
    for (let at = this.#at; this.tokens[at]?.kind === "variable"; ) {
      names.push(this.tokens[at]!.text);
      const mark = this.tokens[at + 1];
      if (mark?.text === ":=" || mark?.text === "=") {
        this.#at = at + 2;
        return { sets: names, assigns: mark.text === "=" };
      }
      if (mark?.text !== "," || names.length > 1) break;
      at += 2;
    }
    return { sets: [], assigns: false };
  }

  /** Operands stand apart, but for what ends them. */
  #separate(count: number): void {
    const next = this.tokens[this.#at];
    if (next === undefined || next.spaced || count === 0) return;
    if (next.text === "|" || next.text === ")") return;
    const shown = next.kind === "field" ? "<.>" : JSON.stringify(next.text);
    throw new TemplateError(`template: :1: unexpected ${shown} in operand`);
  }

  #check(name: string): void {
    if (!this.variables.includes(name))
      throw new TemplateError(`template: :1: undefined variable ${JSON.stringify(name)}`);
  }

  #command(depth: number): Command {
    const first = this.#at;
    const operands: Operand[] = [];
    for (let operand = this.#operand(depth); operand !== undefined; operand = this.#operand(depth))
      this.#separate(operands.push(operand));
    const used = this.tokens.slice(first, this.#at);
    if (used[0] === undefined) {
      const paren = this.tokens[this.#at]?.text === ")";
      throw new TemplateError(
        `template: :1: ${paren ? "unexpected right paren" : "missing value for command"}`,
      );
    }
    const text = used.map(tokenText).join(" ").replace(/\( /g, "(").replace(/ \)/g, ")");
    return { operands, text, at: used[0].at };
  }

  #operand(depth: number): Operand | undefined {
    const token = this.tokens[this.#at];
    if (token === undefined) return undefined;
    if (token.kind === "mark") {
      if (token.text !== "(") return undefined;
      this.#at++;
      const pipe = this.#pipe(depth + 1);
      if (!this.#take(")")) throw new TemplateError("template: :1: unclosed left paren");
      return { kind: "pipe", pipe, ...this.#fields() };
    }
    this.#at++;
    if (token.kind === "field") return { kind: "field", fields: token.fields, at: token.at };
    if (token.kind === "variable") this.#check(token.text);
    if (token.kind === "variable")
      return { kind: "variable", name: token.text, fields: token.fields, at: token.at };
    if (token.kind === "value") return { kind: "value", value: token.value, text: token.text, at: token.at };
    if (!this.functions.has(token.text))
      throw new TemplateError(`template: :1: function "${token.text}" not defined`);
    return { kind: "function", name: token.text, at: token.at };
  }

  /** `(…).A.B` */
  #fields(): { readonly fields: readonly string[]; readonly at: number } {
    const token = this.tokens[this.#at];
    if (token?.kind !== "field" || token.spaced || token.fields.length === 0) return { fields: [], at: 0 };
    this.#at++;
    return { fields: token.fields, at: token.at };
  }
}

/** @throws TemplateError */
export function parseTemplate(source: string, functions: ReadonlySet<string>): readonly Node[] {
  if (source.length > TEXT_MAX) throw new TemplateError("template: too long");
  const { nodes, end } = new Parser(split(source), functions).list(0);
  if (end.length > 0) throw new TemplateError(`template: :1: unexpected {{${end[0]!.text}}}`);
  return nodes;
}
