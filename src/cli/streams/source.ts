/** A file, or our stdin, as the body of a request. */
import { type Stats, statSync } from "node:fs";
import { CliError } from "../errors.ts";
import { openStdin } from "./stdin.ts";

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  ENOTDIR: "not a directory",
};

export interface Source extends Disposable {
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** @throws CliError in Go's words */
export function statFile(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    throw new CliError(`open ${path}: ${WORDS[code] ?? code}`);
  }
}

export function openSource(path: string): Source {
  if (path !== "" && path !== "-") {
    statFile(path);
    return { pieces: Bun.file(path).stream(), [Symbol.dispose]() {} };
  }
  const { pieces, restore } = openStdin();
  return { pieces, [Symbol.dispose]: restore };
}
