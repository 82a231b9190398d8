/**
 * containerd's filters: which objects a list or a subscription is about. Source: containerd's pkg/filters.
 *
 *     filter    = selector { "," selector }        all must hold
 *     selector  = path [ operator value ]          without operator: the field is there
 *     path      = field { "." field }              field: a word or a quoted string (`labels."a.b/c"`)
 *     operator  = "==" | "!=" | "~="               ~=: a regular expression is found in the value
 *     value     = quoted | bare                    quoted by ", ' or `; with ~= also by / or |
 *
 * Of a list of filters one must hold; an empty list holds for all.
 */
import { messageOf, SkiffError } from "../../lib/errors.ts";

/** The value of a field; undefined when the object has none of that path. */
export type FieldLookup = (path: readonly string[]) => string | undefined;
export type Filter = (lookup: FieldLookup) => boolean;

/** Longer filters are refused: they are matched against every object. */
const FILTER_CHARACTERS_MAX = 4096;
const WORD = /[A-Za-z0-9_]+/y;
const OPERATOR = /==|!=|~=/y;
const BARE = /[^\s,]+/y;
const SPACE = /\s*/y;

/** Throws `invalid_argument` naming the place that cannot be read. */
export function parseFilters(texts: readonly string[]): Filter {
  const filters = texts.filter((text) => text !== "").map(parseFilter);
  if (filters.length === 0) return () => true;
  return (lookup) => filters.some((filter) => filter(lookup));
}

function parseFilter(text: string): Filter {
  if (text.length > FILTER_CHARACTERS_MAX) throw new SkiffError("invalid_argument", "filters: too long");
  const scanner = new Scanner(text);
  const selectors = [parseSelector(scanner)];
  while (!scanner.atEnd) {
    scanner.expect(",");
    selectors.push(parseSelector(scanner));
  }
  return (lookup) => selectors.every((selector) => selector(lookup));
}

function parseSelector(scanner: Scanner): Filter {
  const path = [scanner.field()];
  while (scanner.accept(".")) path.push(scanner.field());
  const operator = scanner.match(OPERATOR);
  if (operator === undefined) return (lookup) => lookup(path) !== undefined;
  const value = scanner.value(operator === "~=");
  if (operator === "==") return (lookup) => lookup(path) === value;
  if (operator === "!=") return (lookup) => lookup(path) !== value;
  const expression = compile(value);
  return (lookup) => expression.test(lookup(path) ?? "");
}

function compile(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch (error) {
    throw new SkiffError("invalid_argument", `filters: ${messageOf(error)}`, { cause: error });
  }
}

class Scanner {
  private at = 0;

  constructor(private readonly text: string) {
    this.skipSpace();
  }

  get atEnd(): boolean {
    return this.at === this.text.length;
  }

  accept(token: string): boolean {
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    this.skipSpace();
    return true;
  }

  expect(token: string): void {
    if (!this.accept(token)) throw this.fault(`expected "${token}"`);
  }

  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined || found === "") return undefined;
    this.at += found.length;
    this.skipSpace();
    return found;
  }

  field(): string {
    const field = this.quoted("\"'`") ?? this.match(WORD);
    if (field === undefined) throw this.fault("expected field or quoted");
    return field;
  }

  value(pattern: boolean): string {
    const value = this.quoted(pattern ? "\"'`/|" : "\"'`") ?? this.match(BARE);
    if (value === undefined) throw this.fault("expected value or quoted");
    return value;
  }

  private skipSpace(): void {
    SPACE.lastIndex = this.at;
    this.at += SPACE.exec(this.text)![0].length;
  }

  private quoted(quotes: string): string | undefined {
    const quote = this.text[this.at];
    if (quote === undefined || !quotes.includes(quote)) return undefined;
    let value = "";
    for (let at = this.at + 1; at < this.text.length; at++) {
      const character = this.text[at]!;
      if (character === quote) {
        this.at = at + 1;
        this.skipSpace();
        return value;
      }
      // In a pattern's own quotes only the quote itself is escaped: `\d` belongs to the expression.
      if (character !== "\\" || quote === "`") value += character;
      else if ("/|".includes(quote) && this.text[at + 1] !== quote) value += character;
      else value += this.text[++at] ?? "";
    }
    throw this.fault("unterminated quote");
  }

  private fault(message: string): SkiffError {
    const where = `${this.text.slice(0, this.at)} >|${this.text.slice(this.at)}|<`;
    return new SkiffError("invalid_argument", `filters: parse error: [${where}]: ${message}`);
  }
}

/** A map's part of a lookup: labels are asked for as `labels.<key>`, where the key may itself hold dots. */
export function mapField(map: Readonly<Record<string, string>>, rest: readonly string[]): string | undefined {
  if (rest.length === 0) return undefined;
  const key = rest.join(".");
  return Object.hasOwn(map, key) ? map[key] : undefined;
}
