/** A body of JSON values, one a line, as pull, push, load, build and events answer. */
import { CliError } from "../errors.ts";

const LINE_BYTES_MAX = 16 * 1024 * 1024;

function parseLine<T>(line: string): T {
  try {
    return JSON.parse(line) as T;
  } catch {
    throw new CliError(`invalid character in the daemon's answer: ${line.slice(0, 100)}`);
  }
}

export async function* textLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of body) {
    rest += decoder.decode(bytes, { stream: true });
    if (!rest.includes("\n")) {
      if (rest.length > LINE_BYTES_MAX) throw new CliError("a line of the daemon's answer is too long");
      continue;
    }
    const lines = rest.split("\n");
    rest = lines.pop()!;
    for (const line of lines) if (line.trim() !== "") yield line.trim();
  }
  if (rest.trim() !== "") yield rest.trim();
}

export async function* jsonLines<T>(body: AsyncIterable<Uint8Array>): AsyncGenerator<T, void> {
  for await (const line of textLines(body)) yield parseLine<T>(line);
}
