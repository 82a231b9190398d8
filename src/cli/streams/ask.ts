/** Questions to the user at the terminal. */

import { writeStdout } from "../../kernel/stdout.ts";
import { enterRawMode } from "../../kernel/terminal.ts";
import { CliError } from "../errors.ts";
import { openStdin } from "./stdin.ts";

const STDIN = 0;
const LINE_MAX = 64 * 1024;
const [INTERRUPT, END, BACKSPACE, DELETE] = ["\x03", "\x04", "\b", "\x7f"];

export async function readLine(question: string): Promise<string> {
  writeStdout(question);
  const stdin = openStdin();
  let answer = "";
  try {
    for await (const piece of stdin.pieces) {
      answer += Buffer.from(piece).toString();
      if (answer.includes("\n") || answer.length > LINE_MAX) break;
    }
  } finally {
    stdin.restore();
  }
  return answer.split("\n")[0]!.replace(/\r$/, "");
}

/** What is typed is not shown. */
export async function readSecret(question: string): Promise<string> {
  writeStdout(question);
  const leave = enterRawMode(STDIN);
  const stdin = openStdin();
  let answer = "";
  try {
    for await (const piece of stdin.pieces)
      for (const letter of Buffer.from(piece).toString()) {
        if (letter === "\r" || letter === "\n" || letter === END) return answer;
        if (letter === INTERRUPT) throw new CliError("", 130);
        answer = letter === BACKSPACE || letter === DELETE ? answer.slice(0, -1) : answer + letter;
        if (answer.length > LINE_MAX) return answer;
      }
    return answer;
  } finally {
    stdin.restore();
    leave();
    writeStdout("\n");
  }
}
