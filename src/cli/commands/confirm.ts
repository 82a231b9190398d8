/** "Are you sure?": yes is `y` or `yes`; anything else, and no answer, is no. */
import { writeStdout } from "../../kernel/stdout.ts";
import { openStdin } from "../streams/stdin.ts";

export async function confirm(question: string): Promise<boolean> {
  writeStdout(`${question} [y/N] `);
  const stdin = openStdin();
  try {
    let answer = "";
    for await (const piece of stdin.pieces) {
      answer += Buffer.from(piece).toString();
      if (answer.includes("\n")) break;
    }
    return /^\s*y(es)?\s*$/i.test(answer.split("\n")[0]!);
  } finally {
    stdin.restore();
  }
}
