/** skiff, the command line. What only asks for the version gets it without all the rest being loaded. */
import { sayVersion } from "./version.ts";

export async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === "--version" || argv[0] === "-v") return sayVersion();
  return (await import("./program.ts")).runProgram(argv);
}
