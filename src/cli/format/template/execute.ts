/** Runs a template over a value: `compileTemplate("{{.Name}}")({ Name: "a" })` is "a". */
import { FUNCTIONS, type TemplateFunction } from "./functions.ts";
import { type Command, type Node, type Operand, type Pipe, TemplateError } from "./nodes.ts";
import { parseTemplate } from "./parse.ts";
import { isObject, isTrue, printValue } from "./print.ts";

export type Template = (data: unknown) => string;

/** What a missing field is: `error` names the type in Go's words, `map` says that there is no such key. */
export interface TemplateOptions {
  /** Of the template, for messages. */
  readonly name?: string;
  /** Go's name of the data's type, for messages; absent: the data are a map. */
  readonly type?: string;
  /** The value of a field that an object lacks; `parent` is the field in which the object was found. undefined: an error. */
  missing?(parent: string, name: string): { readonly value: unknown } | undefined;
  /** In place of those of the same name. */
  readonly functions?: ReadonlyMap<string, TemplateFunction>;
}

class Stop {
  constructor(readonly kind: "break" | "continue") {}
}

class Run {
  #output = "";
  readonly #variables: Map<string, unknown>[];

  constructor(
    private readonly source: string,
    root: unknown,
    private readonly options: TemplateOptions,
  ) {
    this.#variables = [new Map([["$", root]])];
  }

  get output(): string {
    return this.#output;
  }

  list(nodes: readonly Node[], dot: unknown): void {
    for (const node of nodes) this.#node(node, dot);
  }

  #node(node: Node, dot: unknown): void {
    if (node.kind === "text") this.#output += node.text;
    else if (node.kind === "action") {
      const value = this.#pipe(node.pipe, dot);
      if (node.pipe.sets.length === 0) this.#output += printValue(value);
    } else if ("then" in node) this.#branch(node, dot);
    else throw new Stop(node.kind);
  }

  #branch(node: Extract<Node, { readonly then: readonly Node[] }>, dot: unknown): void {
    this.#variables.push(new Map());
    try {
      if (node.kind === "range") this.#range(node, dot);
      else {
        const value = this.#pipe(node.pipe, dot);
        if (isTrue(value)) this.list(node.then, node.kind === "with" ? value : dot);
        else this.list(node.otherwise, dot);
      }
    } finally {
      this.#variables.pop();
    }
  }

  #range(node: Extract<Node, { readonly then: readonly Node[] }>, dot: unknown): void {
    const value = this.#pipe({ ...node.pipe, sets: [] }, dot);
    const entries = this.#entries(value);
    if (entries.length === 0) {
      this.list(node.otherwise, dot);
      return;
    }
    const { sets } = node.pipe;
    for (const [key, item] of entries) {
      const [first, second] = sets;
      if (second !== undefined) this.#set(first!, key, false);
      if (sets.length > 0) this.#set(second ?? first!, item, false);
      try {
        this.list(node.then, item);
      } catch (stop) {
        if (!(stop instanceof Stop)) throw stop;
        if (stop.kind === "break") return;
      }
    }
  }

  #entries(value: unknown): readonly (readonly [unknown, unknown])[] {
    if (value === null || value === undefined) return [];
    if (Array.isArray(value)) return value.map((item, at) => [at, item]);
    if (isObject(value)) return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    throw new TemplateError(
      `template: :1: executing "" at <${this.source}>: range can't iterate over ${printValue(value)}`,
    );
  }

  #set(name: string, value: unknown, assigns: boolean): void {
    const scope = assigns ? this.#variables.findLast((known) => known.has(name)) : this.#variables.at(-1);
    if (scope === undefined) throw new TemplateError(`template: :1: undefined variable "${name}"`);
    scope.set(name, value);
  }

  #pipe({ sets, assigns, commands }: Pipe, dot: unknown): unknown {
    let value: unknown;
    for (const [at, command] of commands.entries())
      value = this.#command(command, dot, at === 0 ? [] : [value]);
    for (const name of sets) this.#set(name, value, assigns);
    return value;
  }

  #command({ operands }: Command, dot: unknown, piped: readonly unknown[]): unknown {
    const [first, ...rest] = operands;
    if (first?.kind === "function")
      return this.#call(first.name, [...rest.map((operand) => this.#operand(operand, dot)), ...piped]);
    if (rest.length > 0 || piped.length > 0)
      throw new TemplateError(
        `template: :1: executing "" at <${this.#show(first!)}>: can't give argument to non-function ${this.#show(first!)}`,
      );
    return this.#operand(first!, dot);
  }

  #call(name: string, args: readonly unknown[]): unknown {
    const known = (this.options.functions?.get(name) ?? FUNCTIONS.get(name))!;
    const wanted = known.length;
    if (args.length < wanted)
      throw new TemplateError(
        `template: :1: executing "" at <${name}>: wrong number of args for ${name}: want ${wanted} got ${args.length}`,
      );
    try {
      return known(...(args as never[]));
    } catch (error) {
      throw new TemplateError(`template: :1:2: executing "" at <${name}>: ${(error as Error).message}`);
    }
  }

  #operand(operand: Operand, dot: unknown): unknown {
    if (operand.kind === "value") return operand.value;
    if (operand.kind === "function") return this.#call(operand.name, []);
    if (operand.kind === "field") return this.#fields(dot, operand);
    if (operand.kind === "pipe") return this.#fields(this.#pipe(operand.pipe, dot), operand);
    const scope = this.#variables.findLast((known) => known.has(operand.name));
    if (scope === undefined) throw new TemplateError(`template: :1: undefined variable "${operand.name}"`);
    return this.#fields(scope.get(operand.name), operand);
  }

  #show(operand: Operand): string {
    return "fields" in operand
      ? `.${operand.fields.join(".")}`
      : operand.kind === "value"
        ? String(operand.value)
        : "";
  }

  #fields(
    start: unknown,
    { fields, at }: { readonly fields: readonly string[]; readonly at: number },
  ): unknown {
    let value = start;
    for (const [index, name] of fields.entries()) {
      const where = `template: :1:${at + 1}: executing "" at <.${fields.slice(0, index + 1).join(".")}>`;
      const lacked =
        isObject(value) && !Object.hasOwn(value, name)
          ? this.options.missing?.(fields[index - 1] ?? "", name)
          : undefined;
      if (isObject(value) && Object.hasOwn(value, name)) value = value[name];
      else if (lacked !== undefined) value = lacked.value;
      else if (isObject(value) && index === 0 && this.options.type !== undefined)
        throw new TemplateError(`${where}: can't evaluate field ${name} in type ${this.options.type}`);
      else if (isObject(value)) throw new TemplateError(`${where}: map has no entry for key "${name}"`);
      else if (value === null || value === undefined)
        throw new TemplateError(`${where}: nil pointer evaluating interface {}.${name}`);
      else throw new TemplateError(`${where}: can't evaluate field ${name} in type interface {}`);
    }
    return value;
  }
}

const NAMES: ReadonlySet<string> = new Set(FUNCTIONS.keys());

/** @throws TemplateError at once for what is no template, from the result for what does not fit the data */
export function compileTemplate(source: string, options: TemplateOptions = {}): Template {
  const nodes = parseTemplate(source, NAMES);
  return (data) => {
    const run = new Run(source, data, options);
    try {
      run.list(nodes, data);
    } catch (error) {
      if (error instanceof Stop) throw new TemplateError(`template: :1: {{${error.kind}}} outside {{range}}`);
      throw error;
    }
    return run.output;
  };
}
