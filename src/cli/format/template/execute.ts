/** Runs a template over a value: `compileTemplate("{{.Name}}")({ Name: "a" })` is "a". */

import { constantProblem, SIGNATURES, valueProblem } from "./arguments.ts";
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

/** Of an expression in the source. */
interface Place {
  readonly at: number;
  readonly shown: string;
}

type Called = Extract<Operand, { kind: "function" }>;

/** `{{range 3}}` counts; this far. */
const RANGE_MAX = 1_000_000;

class Stop {
  constructor(readonly kind: "break" | "continue") {}
}

class Run {
  #output = "";
  /** What was looked at last. */
  #last: Place = { at: 0, shown: "" };
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
    const entries = this.#entries(value, node.pipe);
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

  #entries(value: unknown, pipe: Pipe): readonly (readonly [unknown, unknown])[] {
    if (value === null || value === undefined) return [];
    if (typeof value === "number" && Number.isInteger(value) && value <= RANGE_MAX) {
      if (pipe.sets.length > 1)
        throw this.#error(this.#last, `can't use ${value} to iterate over more than one variable`);
      return Array.from({ length: Math.max(0, value) }, (_, at) => [at, at]);
    }
    if (Array.isArray(value)) return value.map((item, at) => [at, item]);
    if (isObject(value)) return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    throw this.#error(this.#last, `range can't iterate over ${printValue(value)}`);
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

  #command(command: Command, dot: unknown, piped: readonly unknown[]): unknown {
    const [first, ...rest] = command.operands;
    if (first?.kind === "function")
      return this.#call(
        first,
        [...this.#arguments(first, rest, dot), ...this.#piped(first, rest, piped)],
        command.text,
      );
    if (first?.kind === "value" && first.value === null)
      throw this.#error({ at: command.at, shown: "nil" }, "nil is not a command");
    if (rest.length > 0 || piped.length > 0) {
      const shown = this.#show(first!);
      throw this.#error(
        { at: command.at, shown },
        first!.kind === "field"
          ? `${first!.fields.at(-1)} is not a method but has arguments`
          : `can't give argument to non-function ${shown}`,
      );
    }
    return this.#operand(first!, dot);
  }

  #arguments({ name }: Called, operands: readonly Operand[], dot: unknown): readonly unknown[] {
    const wanted = SIGNATURES.get(name) ?? [];
    return operands.map((operand, at) => {
      const value = this.#operand(operand, dot);
      const parameter = wanted[at];
      if (parameter === undefined) return value;
      const constant = operand.kind === "value";
      const why = constant ? constantProblem(value, operand.text, parameter) : valueProblem(value, parameter);
      if (why !== "") throw this.#error(this.#last, why);
      return value;
    });
  }

  /** The value that a pipe hands on is the last argument. */
  #piped(called: Called, rest: readonly Operand[], piped: readonly unknown[]): readonly unknown[] {
    const parameter = SIGNATURES.get(called.name)?.[rest.length];
    const why = piped.length === 0 || parameter === undefined ? "" : valueProblem(piped[0], parameter);
    if (why === "") return piped;
    const last = rest.at(-1);
    throw this.#error(last === undefined ? { at: called.at, shown: called.name } : this.#last, why);
  }

  /** In Go's words: where in the source, and at which expression. */
  #error({ at, shown }: Place, why: string): TemplateError {
    const { name = "" } = this.options;
    const before = this.source.slice(0, at);
    const line = before.slice(before.lastIndexOf("\n") + 1);
    const where = `${name}:${before.split("\n").length}:${Buffer.byteLength(line)}`;
    return new TemplateError(`template: ${where}: executing "${name}" at <${shown}>: ${why}`);
  }

  #call({ name, at }: Called, args: readonly unknown[], text: string): unknown {
    const known = (this.options.functions?.get(name) ?? FUNCTIONS.get(name))!;
    const wanted = known.length;
    if (args.length < wanted)
      throw this.#error(
        { at, shown: name },
        `wrong number of args for ${name}: want ${wanted} got ${args.length}`,
      );
    try {
      return known(...(args as never[]));
    } catch (error) {
      const { message } = error as Error;
      const why = message.startsWith("error calling") ? message : `error calling ${name}: ${message}`;
      throw this.#error({ at, shown: text }, why);
    }
  }

  #operand(operand: Operand, dot: unknown): unknown {
    if (operand.kind !== "pipe") this.#last = { at: this.#place(operand), shown: this.#show(operand) };
    if (operand.kind === "value") return operand.value;
    if (operand.kind === "function") return this.#call(operand, [], operand.name);
    if (operand.kind === "field") return this.#fields(dot, operand);
    if (operand.kind === "pipe") return this.#fields(this.#pipe(operand.pipe, dot), operand);
    const scope = this.#variables.findLast((known) => known.has(operand.name));
    if (scope === undefined) throw new TemplateError(`template: :1: undefined variable "${operand.name}"`);
    return this.#fields(scope.get(operand.name), operand);
  }

  #show(operand: Operand): string {
    if (operand.kind === "variable") return [operand.name, ...operand.fields].join(".");
    if ("fields" in operand) return `.${operand.fields.join(".")}`;
    return operand.kind === "value" ? operand.text : operand.kind === "function" ? operand.name : "";
  }

  /** Go names the place of the second part of a chain. */
  #place(operand: Exclude<Operand, { kind: "pipe" }>): number {
    const { kind, at } = operand;
    if (kind === "field") return operand.fields.length > 1 ? at + operand.fields[0]!.length + 1 : at;
    return kind === "variable" && operand.fields.length > 0 ? at + operand.name.length : at;
  }

  #fields(start: unknown, operand: Extract<Operand, { readonly fields: readonly string[] }>): unknown {
    const { fields, at, kind } = operand;
    let value = start;
    for (const [index, name] of fields.entries()) {
      const lacked =
        isObject(value) && !Object.hasOwn(value, name)
          ? this.options.missing?.(fields[index - 1] ?? "", name)
          : undefined;
      if (isObject(value) && Object.hasOwn(value, name)) value = value[name];
      else if (lacked !== undefined) value = lacked.value;
      else {
        // Go names the place of the second part of a chain.
        const first =
          kind === "variable" ? operand.name.length : fields.length > 1 ? fields[0]!.length + 1 : 0;
        throw this.#error({ at: at + first, shown: this.#show(operand) }, this.#lacks(value, name, index));
      }
    }
    return value;
  }

  #lacks(value: unknown, name: string, index: number): string {
    const { type } = this.options;
    if (isObject(value) && index === 0 && type !== undefined)
      return `can't evaluate field ${name} in type ${type}`;
    if (isObject(value)) return `map has no entry for key "${name}"`;
    if (value === null || value === undefined) return `nil pointer evaluating interface {}.${name}`;
    return `can't evaluate field ${name} in type interface {}`;
  }
}

const NAMES: ReadonlySet<string> = new Set(FUNCTIONS.keys());

function parse(source: string, name: string): readonly Node[] {
  try {
    return parseTemplate(source, NAMES);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new TemplateError(error.message.replace(/^template: :/, `template: ${name}:`));
  }
}

/** @throws TemplateError at once for what is no template, from the result for what does not fit the data */
export function compileTemplate(source: string, options: TemplateOptions = {}): Template {
  const nodes = parse(source, options.name ?? "");
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
