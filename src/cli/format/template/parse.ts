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
    const { tokens, end, trimAfter } = tokenize(source, start);
    trim = trimAfter;
    if (tokens.length > 0) pieces.push({ tokens, at: start });
    at = end;
  }
  return pieces;
}

class Parser {
  #next = 0;
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
    if (word === "break" || word === "continue") return { kind: word };
    if (word !== "if" && word !== "with" && word !== "range")
      return { kind: "action", pipe: new Expression(tokens, this.#functions).whole() };
    return this.#branch(word, tokens.slice(1), depth);
  }

  #branch(kind: "if" | "with" | "range", condition: readonly Token[], depth: number): Node {
    if (condition.length === 0) throw new TemplateError(`template: :1: missing value for ${kind}`);
    const pipe = new Expression(condition, this.#functions).whole();
    const { nodes: then, end } = this.list(depth + 1);
    const [word, chained] = end;
    if (word === undefined) throw new TemplateError("template: :1: unexpected EOF");
    if (word.text === "end") return { kind, pipe, then, otherwise: [] };
    if (chained?.kind === "word" && (chained.text === "if" || chained.text === "with"))
      return { kind, pipe, then, otherwise: [this.#branch(chained.text, end.slice(2), depth + 1)] };
    const { nodes: otherwise, end: last } = this.list(depth + 1);
    if (last[0]?.text !== "end") throw new TemplateError("template: :1: unexpected EOF");
    return { kind, pipe, then, otherwise };
  }
}

/** The pipeline of one action. */
class Expression {
  #at = 0;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly functions: ReadonlySet<string>,
  ) {}

  whole(): Pipe {
    const pipe = this.#pipe(0);
    const left = this.tokens[this.#at];
    if (left !== undefined)
      throw new TemplateError(`template: :1: unexpected ${JSON.stringify(left.text)} in command`);
    return pipe;
  }

  #pipe(depth: number): Pipe {
    if (depth > DEPTH_MAX) throw new TemplateError("template: nested too deep");
    const { sets, assigns } = this.#declaration();
    const commands: Command[] = [];
    do commands.push(this.#command(depth));
    while (this.#take("|"));
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

  #command(depth: number): Command {
    const operands: Operand[] = [];
    for (let operand = this.#operand(depth); operand !== undefined; operand = this.#operand(depth))
      operands.push(operand);
    if (operands.length === 0) throw new TemplateError("template: :1: missing value for command");
    return { operands };
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
    if (token.kind === "variable")
      return { kind: "variable", name: token.text, fields: token.fields, at: token.at };
    if (token.kind === "value") return { kind: "value", value: token.value };
    if (!this.functions.has(token.text))
      throw new TemplateError(`template: :1: function "${token.text}" not defined`);
    return { kind: "function", name: token.text };
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
