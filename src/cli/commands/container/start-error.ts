/** A start that failed: docker's exit codes tell scripts why. */
import { CliError, type DaemonError } from "../../errors.ts";

const NOT_FOUND = [
  "executable file not found",
  "no such file or directory",
  "system cannot find the file specified",
];
const NOT_EXECUTABLE = ["permission denied", "is a directory"];

/** 127: there is no such program; 126: it is none; 125: anything else. */
export function exitCodeOfStart(message: string): number {
  if (
    !/OCI runtime create failed|exec:/.test(message) &&
    !NOT_FOUND.some((words) => message.includes(words))
  ) {
    return NOT_EXECUTABLE.some((words) => message.includes(words)) ? 126 : 125;
  }
  if (NOT_FOUND.some((words) => message.includes(words))) return 127;
  if (NOT_EXECUTABLE.some((words) => message.includes(words))) return 126;
  return 125;
}

export function startError(error: DaemonError): CliError {
  const help = "\n\nRun 'skiff run --help' for more information";
  return new CliError(`skiff: ${error.message}${help}`, exitCodeOfStart(error.message));
}
