/** What docker's functions take: Go checks the type of each argument before it calls. */
import { isObject } from "./print.ts";

export const PARAMETERS = ["string", "int", "[]string"] as const;
export type Parameter = (typeof PARAMETERS)[number];

/** Of functions that do not take everything; what is beyond these may be anything. */
export const SIGNATURES: ReadonlyMap<string, readonly Parameter[]> = new Map<string, readonly Parameter[]>([
  ["upper", ["string"]],
  ["lower", ["string"]],
  ["title", ["string"]],
  ["split", ["string", "string"]],
  ["join", ["[]string", "string"]],
  ["pad", ["string", "int", "int"]],
  ["truncate", ["string", "int"]],
  ["printf", ["string"]],
]);

/** Go's name of a value's type, as far as JSON tells. */
export function goType(value: unknown): string {
  if (typeof value === "boolean") return "bool";
  if (Array.isArray(value))
    return value.every((item) => typeof item === "string") ? "[]string" : "[]interface {}";
  if (isObject(value)) return "map[string]interface {}";
  if (typeof value !== "number") return typeof value;
  return Number.isInteger(value) ? "int" : "float64";
}

/** Why a value that was computed does not fit; "" when it does. */
export function valueProblem(value: unknown, wanted: Parameter): string {
  if (value === null || value === undefined) return `invalid value; expected ${wanted}`;
  const type = goType(value);
  return type === wanted ? "" : `wrong type for value; expected ${wanted}; got ${type}`;
}

/** The same of one that stands in the template as `text`. */
export function constantProblem(value: unknown, text: string, wanted: Parameter): string {
  if (value === null) return `cannot assign nil to ${wanted}`;
  if (wanted === "[]string") return `can't handle ${text} for arg of type []string`;
  if (goType(value) === wanted && !(wanted === "int" && text.startsWith('"'))) return "";
  return `expected ${wanted === "int" ? "integer" : wanted}; found ${text}`;
}
