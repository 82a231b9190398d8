/** What kept a container from running: docker's exit codes tell scripts why. */
import { messageOf } from "../../../lib/errors.ts";
import { HelpError } from "../../errors.ts";

const NOT_FOUND = /executable file not found|no such file or directory|system cannot find the file specified/;
const NOT_EXECUTABLE = /permission denied|is a directory/;

/** 127: there is no such program; 126: it is none; 125: anything else. */
export function exitCodeOfStart(message: string): number {
  if (NOT_FOUND.test(message)) return 127;
  return NOT_EXECUTABLE.test(message) ? 126 : 125;
}

export function startError(error: unknown): HelpError {
  const message = messageOf(error);
  return new HelpError(message, exitCodeOfStart(message));
}

/** Every failure from here on is one of starting, with its exit code. */
export async function orStartError<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw startError(error);
  }
}
