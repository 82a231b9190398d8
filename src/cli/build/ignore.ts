/**
 * `.dockerignore`: which files of a directory are not sent. Later lines outweigh earlier ones, `!` takes a file back in, and what holds for a
 * directory holds for all below it. Source: docs.docker.com/build/concepts/context; the order of evaluation is github.com/moby/patternmatcher's.
 */
import { posix } from "node:path";
import { CliError } from "../errors.ts";

const TEXT_MAX = 1024 * 1024;
const LITERAL = /[.+()|{}$^\]]/;

interface Pattern {
  readonly text: string;
  /** `!`: such files are sent after all. */
  readonly sent: boolean;
  readonly expression: RegExp;
}

/** The end of `[…]`, which begins at `at`. @throws CliError */
function classEnd(text: string, at: number): number {
  let end = text[at + 1] === "^" ? at + 2 : at + 1;
  const first = end;
  while (end < text.length && (text[end] !== "]" || end === first)) end += text[end] === "\\" ? 2 : 1;
  if (end >= text.length) throw new CliError("syntax error in pattern");
  return end;
}

/** `*` stays within a name, `**` does not, and may be nothing at all. */
function expressionOf(text: string): RegExp {
  let source = "";
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]!;
    if (letter === "*" && text[at + 1] === "*") {
      at++;
      if (text[at + 1] === "/") at++;
      source += at + 1 >= text.length ? ".*" : "(?:.*/)?";
    } else if (letter === "*") source += "[^/]*";
    else if (letter === "?") source += "[^/]";
    else if (letter === "[") {
      const end = classEnd(text, at);
      source += text.slice(at, end + 1);
      at = end;
    } else if (letter === "\\") {
      if (++at >= text.length) throw new CliError("syntax error in pattern");
      source += `\\u{${text[at]!.codePointAt(0)!.toString(16)}}`;
    } else source += LITERAL.test(letter) ? `\\${letter}` : letter;
  }
  try {
    return new RegExp(`^${source}$`, "us");
  } catch {
    throw new CliError("syntax error in pattern");
  }
}

function patternOf(line: string): Pattern {
  const sent = line.startsWith("!");
  const rest = (sent ? line.slice(1) : line).trim();
  if (rest === "") throw new CliError('illegal exclusion pattern: "!"');
  const clean = posix.normalize(rest).replace(/(.)\/+$/, "$1");
  const text = clean.length > 1 ? clean.replace(/^\/+/, "") : clean;
  return { text, sent, expression: expressionOf(text) };
}

export interface Ignored {
  /** By its path within the context, without a slash at either end. */
  ignore(path: string): boolean;
  /** Something below this directory, itself ignored, may be sent after all. */
  mayContainSent(directory: string): boolean;
}

/** @throws CliError */
export function parseIgnore(text: string): Ignored {
  if (text.length > TEXT_MAX) throw new CliError(".dockerignore is too long");
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const patterns = lines
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map(patternOf);
  const ignore = (path: string): boolean => {
    const parts = path.split("/");
    const paths = parts.map((_, at) => parts.slice(0, at + 1).join("/")).reverse();
    let ignored = false;
    for (const { sent, expression } of patterns)
      if (sent === ignored && paths.some((one) => expression.test(one))) ignored = !sent;
    return ignored;
  };
  const mayContainSent = (directory: string): boolean =>
    patterns.some(({ sent, text: own }) => sent && `${own}/`.startsWith(`${directory}/`));
  return { ignore, mayContainSent };
}
