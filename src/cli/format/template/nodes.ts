/** What a template is made of (Go's text/template): a list of nodes, run over one value. */
export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly pipe: Pipe }
  | {
      readonly kind: "if" | "with" | "range";
      readonly pipe: Pipe;
      readonly then: readonly Node[];
      readonly otherwise: readonly Node[];
    }
  | { readonly kind: "break" | "continue" };

export interface Pipe {
  /** Variables it sets: `$x := …`; `$i, $x := …` of a range. */
  readonly sets: readonly string[];
  /** `=` instead of `:=`. */
  readonly assigns: boolean;
  readonly commands: readonly Command[];
}

/** The first operand with the others as arguments. */
export interface Command {
  readonly operands: readonly Operand[];
  /** As messages show it. */
  readonly text: string;
  readonly at: number;
}

export type Operand =
  | { readonly kind: "value"; readonly value: unknown; readonly text: string; readonly at: number }
  | { readonly kind: "function"; readonly name: string; readonly at: number }
  /** `.A.B`; no fields is the dot itself. */
  | { readonly kind: "field"; readonly fields: readonly string[]; readonly at: number }
  | {
      readonly kind: "variable";
      readonly name: string;
      readonly fields: readonly string[];
      readonly at: number;
    }
  | { readonly kind: "pipe"; readonly pipe: Pipe; readonly fields: readonly string[]; readonly at: number };

/** Message in the words of Go's package, position and all. */
export class TemplateError extends Error {}
