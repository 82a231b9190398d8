/** `docker-credential-NAME get|store|erase|list`: JSON in, JSON out (github.com/docker/docker-credential-helpers). */
import { CliError } from "../errors.ts";

const NOT_FOUND = "credentials not found in native keychain";
const TIMEOUT_MS = 60_000;

export type HelperVerb = "get" | "store" | "erase" | "list";

/** undefined: it knows no such credentials. @throws CliError with the helper's words */
export async function callHelper(name: string, verb: HelperVerb, input: string): Promise<string | undefined> {
  const program = `docker-credential-${name}`;
  const path = Bun.which(program);
  if (path === null)
    throw new CliError(
      `error getting credentials - err: exec: "${program}": executable file not found in $PATH, out: \`\``,
    );
  const child = Bun.spawn([path, verb], {
    stdin: Buffer.from(input),
    stdout: "pipe",
    stderr: "inherit",
    timeout: TIMEOUT_MS,
  });
  const output = (await child.stdout.text()).trim();
  const code = await child.exited;
  if (code === 0) return output;
  if (output === NOT_FOUND) return undefined;
  const action = verb === "get" ? "getting" : verb === "store" ? "storing" : "erasing";
  throw new CliError(`error ${action} credentials - err: exit status ${code}, out: \`${output}\``);
}
