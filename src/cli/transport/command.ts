/** A daemon at the other end of a program's stdin and stdout: `ssh … docker system dial-stdio`. */
import { closeSync } from "node:fs";
import { socketPair } from "../../kernel/socketpair.ts";

/** Answers our end of a connected stream socket; the program has the other, and ends when either side closes. */
export function openCommand(argv: readonly string[]): number {
  const [ours, theirs] = socketPair();
  const child = Bun.spawn([...argv], { env: process.env, stdio: [theirs, theirs, "inherit"] });
  child.unref();
  closeSync(theirs);
  return ours;
}
