/** Verbs that take several names: each is done, its name printed; what fails is said at the end and makes the exit code 1. */
import { writeStderr, writeStdout } from "../../kernel/stdout.ts";
import { messageOf } from "../../lib/errors.ts";

/** `done` answers what to print, "" for nothing. One after the other, as docker does where order shows. */
export async function forEachName(
  names: readonly string[],
  done: (name: string) => Promise<string>,
): Promise<number> {
  const failures: string[] = [];
  for (const name of names) {
    try {
      const line = await done(name);
      if (line !== "") writeStdout(`${line}\n`);
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  if (failures.length > 0) writeStderr(`${failures.join("\n")}\n`);
  return failures.length === 0 ? 0 : 1;
}

/** The same, all at once; printed in the order of the names. */
export async function forAllNames(
  names: readonly string[],
  done: (name: string) => Promise<string>,
): Promise<number> {
  const settled = await Promise.allSettled(names.map(done));
  let at = 0;
  return forEachName(names, async () => {
    const result = settled[at++]!;
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

/** A name in a path of the API. */
export function inPath(name: string): string {
  return encodeURIComponent(name);
}
