/** JSON as text, laid out anew without being read: numbers beyond JavaScript's and escapes stay as the daemon wrote them. */

const STRING = /"(?:[^"\\]|\\.)*"/y;
const SPACE = /[\s]+/y;
const SCALAR = /[^\s{}[\],:"]+/y;

/** Go's json.Indent with four spaces. `text` is valid JSON. */
export function indentJson(text: string, step = "    "): string {
  const parts: string[] = [];
  let depth = 0;
  const newline = () => parts.push(`\n${step.repeat(depth)}`);
  for (let at = 0; at < text.length; ) {
    const match = (pattern: RegExp): string => {
      pattern.lastIndex = at;
      return pattern.exec(text)?.[0] ?? "";
    };
    const word = match(SPACE) || match(STRING) || match(SCALAR) || text[at]!;
    at += word.length;
    if (word === "{" || word === "[") {
      parts.push(word);
      const close = /\s*[\]}]/y;
      const empty = match(close);
      if (empty === "") {
        depth++;
        newline();
      } else {
        parts.push(empty.trim());
        at += empty.length;
      }
    } else if (word === "}" || word === "]") {
      depth--;
      newline();
      parts.push(word);
    } else if (word === ",") {
      parts.push(word);
      newline();
    } else if (word === ":") parts.push(": ");
    else if (word.trim() !== "") parts.push(word);
  }
  return parts.join("");
}

const ESCAPES: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};

/** JSON as Go's encoder writes it by default, safe inside HTML. */
export function escapedJson(value: unknown): string {
  return JSON.stringify(value ?? null).replace(/[<>&\u2028\u2029]/g, (letter) => ESCAPES[letter]!);
}
