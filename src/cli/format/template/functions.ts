/** What a template may call: Go's built-in functions and docker's own. */
import { goType } from "./arguments.ts";
import { TemplateError } from "./nodes.ts";
import { isObject, isTrue, printValue, toJson } from "./print.ts";

// Each checks what it is given itself.
export type TemplateFunction = (...args: never[]) => unknown;

function compare(a: unknown, b: unknown): number {
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "boolean" && typeof b === "boolean") return a === b ? 0 : 1;
  const basic = [a, b].every((value) => ["string", "number", "boolean"].includes(typeof value));
  throw new TemplateError(`${basic ? "incompatible types" : "invalid type"} for comparison`);
}

const equal = (a: unknown, b: unknown): boolean =>
  a === null || b === null || a === undefined || b === undefined
    ? (a ?? null) === (b ?? null)
    : compare(a, b) === 0;

function lengthOf(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isObject(value)) return Object.keys(value).length;
  throw new TemplateError(
    `error calling len: len of ${value === null || value === undefined ? "nil pointer" : `type ${goType(value)}`}`,
  );
}

function indexInto(value: unknown, ...keys: unknown[]): unknown {
  let found = value;
  for (const key of keys) {
    if (Array.isArray(found)) {
      if (typeof key !== "number")
        throw new TemplateError("error calling index: cannot index slice/array with type string");
      if (key < 0 || key >= found.length)
        throw new TemplateError(`error calling index: index out of range: ${key}`);
      found = found[key];
    } else if (isObject(found) && typeof key !== "string")
      throw new TemplateError(`error calling index: value has type ${goType(key)}; should be string`);
    else if (isObject(found)) found = Object.hasOwn(found, String(key)) ? found[String(key)] : undefined;
    else if (typeof found === "string" && typeof key === "number") found = Buffer.from(found)[key];
    else
      throw new TemplateError(
        `error calling index: ${found === null || found === undefined ? "index of untyped nil" : `can't index item of type ${goType(found)}`}`,
      );
  }
  return found ?? (keys.length === 0 ? found : "");
}

function slice(value: unknown, from = 0, to?: unknown): unknown {
  if (typeof value !== "string" && !Array.isArray(value))
    throw new TemplateError(`error calling slice: can't slice item of type ${goType(value)}`);
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  const [first, end] = [Number(from), to === undefined ? bytes.length : Number(to)];
  for (const at of [first, end])
    if (!(at >= 0 && at <= bytes.length))
      throw new TemplateError(`error calling slice: index out of range: ${at}`);
  if (first > end) throw new TemplateError(`error calling slice: invalid slice index: ${first} > ${end}`);
  const part = bytes.slice(first, end);
  return Buffer.isBuffer(part) ? part.toString() : part;
}

/** fmt.Sprintf, as far as formats use it. */
function printf(format: unknown, ...args: unknown[]): string {
  let at = 0;
  return String(format).replace(
    /%([-+ 0#]*)(\d*)(?:\.(\d+))?([a-zA-Z%])/g,
    (_, flags: string, width: string, precision: string | undefined, verb: string) => {
      if (verb === "%") return "%";
      if (at >= args.length) return `%!${verb}(MISSING)`;
      const value = args[at++];
      let text: string;
      if (verb === "d") text = String(Math.trunc(Number(value)));
      else if (verb === "f") text = Number(value).toFixed(precision === undefined ? 6 : Number(precision));
      else if (verb === "q") text = JSON.stringify(String(value));
      else if (verb === "x")
        text = typeof value === "number" ? value.toString(16) : Buffer.from(String(value)).toString("hex");
      else if (verb === "T") text = goType(value);
      else if (verb === "t" || verb === "s" || verb === "v") text = printValue(value);
      else text = `%!${verb}(${printValue(value)})`;
      if (verb === "s" && precision !== undefined) text = text.slice(0, Number(precision));
      const size = Number(width || "0");
      if (flags.includes("-")) return text.padEnd(size);
      return text.padStart(size, flags.includes("0") && "df".includes(verb) ? "0" : " ");
    },
  );
}

/** Arguments without spaces between strings, as fmt.Sprint. */
function print(...args: unknown[]): string {
  return args.reduce<string>((text, value, at) => {
    const space = at > 0 && typeof value !== "string" && typeof args[at - 1] !== "string" ? " " : "";
    return text + space + printValue(value);
  }, "");
}

/** Of strings.Title: behind a space, or a sign that is no part of a word. */
const WORD_START = /(?<![\p{L}\p{N}_\u0080-\uffff])\p{L}/gu;

const ESCAPED: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
};

export const FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>(
  Object.entries({
    and: (...args: unknown[]) => args.find((value) => !isTrue(value)) ?? args.at(-1),
    or: (...args: unknown[]) => args.find(isTrue) ?? args.at(-1),
    not: (value: unknown) => !isTrue(value),
    eq: (first: unknown, ...others: unknown[]) => {
      if (others.length === 0) throw new TemplateError("missing argument for comparison");
      return others.some((other) => equal(first, other));
    },
    ne: (a: unknown, b: unknown) => !equal(a, b),
    lt: (a: unknown, b: unknown) => compare(a, b) < 0,
    le: (a: unknown, b: unknown) => compare(a, b) <= 0,
    gt: (a: unknown, b: unknown) => compare(a, b) > 0,
    ge: (a: unknown, b: unknown) => compare(a, b) >= 0,
    len: lengthOf,
    index: indexInto,
    slice,
    print,
    printf,
    println: (...args: unknown[]) => `${args.map((value) => printValue(value)).join(" ")}\n`,
    html: (...args: unknown[]) => print(...args).replace(/[&<>"']/g, (char) => ESCAPED[char]!),
    js: (...args: unknown[]) => JSON.stringify(print(...args)).slice(1, -1),
    urlquery: (...args: unknown[]) => encodeURIComponent(print(...args)).replace(/%20/g, "+"),
    json: toJson,
    split: (value: unknown, separator: unknown) => String(value).split(String(separator)),
    join: (value: unknown, separator: unknown) =>
      (Array.isArray(value) ? value : []).map((item) => printValue(item)).join(String(separator)),
    title: (value: unknown) => String(value).replace(WORD_START, (char) => char.toUpperCase()),
    lower: (value: unknown) => String(value).toLowerCase(),
    upper: (value: unknown) => String(value).toUpperCase(),
    pad: (value: unknown, before: unknown, after: unknown) =>
      value === "" ? "" : `${" ".repeat(Number(before))}${value}${" ".repeat(Number(after))}`,
    truncate: (value: unknown, length: unknown) => String(value).slice(0, Number(length)),
    // The table's header is made elsewhere: here it is nothing.
    table: (value: unknown) => value,
  }),
);
