/** `.dockerignore`: patterns of Go's filepath.Match with `**`, where `!` takes files back in; the last that matches decides. */
import { CliError } from "../errors.ts";

interface Rule {
  readonly pattern: RegExp;
  readonly keeps: boolean;
}

/** Answers whether a path, relative to the context, stays out. */
export type Ignore = (path: string) => boolean;

function translate(pattern: string): RegExp {
  let source = "";
  for (let at = 0; at < pattern.length; at++) {
    const letter = pattern[at]!;
    if (pattern.startsWith("**", at)) {
      at++;
      if (pattern[at + 1] === "/") at++;
      source += at + 1 >= pattern.length ? ".*" : "(?:.*/)?";
    } else if (letter === "*") source += "[^/]*";
    else if (letter === "?") source += "[^/]";
    else if (letter === "[") {
      const end = pattern.indexOf("]", at + 1);
      if (end < 0) throw new CliError(`error checking context: syntax error in pattern: ${pattern}`);
      source += `[${pattern.slice(at + 1, end).replace(/\\/g, "\\\\")}]`;
      at = end;
    } else {
      if (letter === "\\") at++;
      source += (pattern[at] ?? "\\").replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
    }
  }
  try {
    // What lies below a match matches too.
    return new RegExp(`^${source}(?:/.*)?$`, "su");
  } catch {
    throw new CliError(`error checking context: syntax error in pattern: ${pattern}`);
  }
}

function clean(pattern: string): string {
  const parts: string[] = [];
  for (const part of pattern.split("/"))
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  return parts.join("/");
}

/** @throws CliError for what is no pattern */
export function parseIgnore(text: string): { readonly ignore: Ignore; readonly takesBack: boolean } {
  const rules = text
    .replace(/^\ufeff/, "")
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .flatMap((line): Rule[] => {
      const keeps = line.startsWith("!");
      const pattern = clean(keeps ? line.slice(1).trim() : line);
      if (keeps && pattern === "")
        throw new CliError('error checking context: illegal exclusion pattern: "!"');
      return pattern === "" ? [] : [{ pattern: translate(pattern), keeps }];
    });
  return {
    takesBack: rules.some(({ keeps }) => keeps),
    ignore: (path) => {
      const decides = rules.findLast(({ pattern }) => pattern.test(path));
      return decides !== undefined && !decides.keeps;
    },
  };
}
