/** `skiffd --help`. */
import { FLAGS, type Flag } from "./flags.ts";

const COLUMN = 45;
const WIDTH = 100;

function wrapped(text: string, indent: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${" ".repeat(indent)}`);
}

function row({ name, short, kind, usage, default: byDefault, support }: Flag): string {
  const head = `${short === undefined ? "     " : ` -${short}, `} --${name}${kind === "bool" ? "" : ` ${kind}`}`;
  const shown =
    byDefault === undefined ? "" : ` (default ${kind === "string" ? `"${byDefault}"` : byDefault})`;
  const note = support === "refused" ? " (not implemented)" : "";
  return ` ${head.padEnd(COLUMN - 1)} ${wrapped(usage + shown + note, COLUMN + 1)}`;
}

export function usage(): string {
  return `
Usage:  skiffd [OPTIONS]

A self-sufficient runtime for containers.

Options:
${FLAGS.map(row).join("\n")}
`;
}
