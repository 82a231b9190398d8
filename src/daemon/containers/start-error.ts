/** What a failed start means: the exit code Docker gives it and the status the client gets. */
import { isSkiffError, messageOf, SkiffError } from "../../lib/errors.ts";

export interface StartFailure {
  readonly exitCode: number;
  readonly error: SkiffError;
}

const NOT_FOUND = ["executable file not found", "no such file or directory"];
const NOT_EXECUTABLE = ["permission denied", "is a directory"];
const UNKNOWN_EXIT = 128;
/** Of these dockerd keeps the status: a missing network is 404, an address in use 403. */
const NETWORKING = "failed to set up container networking";

/** Runtimes in C write errors as strerror(3); clients, in Go, look for them in lower case. */
const STRERROR = /No such file or directory|Permission denied|Is a directory/g;

/** By the words of the runtime's message, as dockerd does: they are all that crosses the layers. */
export function classifyStartError(error: unknown): StartFailure {
  const message = messageOf(error).replace(STRERROR, (words) => words.toLowerCase());
  const lower = message.toLowerCase();
  const has = (words: readonly string[]) => words.some((word) => lower.includes(word));
  if (message.startsWith(NETWORKING) && isSkiffError(error)) return { exitCode: UNKNOWN_EXIT, error };
  const bad = (exitCode: number, text: string) => ({
    exitCode,
    error: new SkiffError("invalid_argument", text, { cause: error }),
  });
  if (has(NOT_FOUND)) return bad(127, message);
  if (has(NOT_EXECUTABLE)) return bad(126, message);
  if (has(["not a directory"])) {
    const hint = "Are you trying to mount a directory onto a file (or vice-versa)?";
    return bad(127, `${message}: ${hint} Check if the specified host path exists and is the expected type`);
  }
  return { exitCode: UNKNOWN_EXIT, error: new SkiffError("unknown", message, { cause: error }) };
}
