/** Of this program. */
import { writeStdout } from "../kernel/stdout.ts";

export const VERSION = "0.1.0";

export function sayVersion(): number {
  writeStdout(`Skiff version ${VERSION}\n`);
  return 0;
}
