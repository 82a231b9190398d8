/** How a command ends badly: a message for stderr and an exit code. */
import { SkiffError } from "../lib/errors.ts";

/** Its message is printed as it is; "" prints nothing. */
export class CliError extends SkiffError {
  constructor(
    message: string,
    readonly exitCode = 1,
  ) {
    super("failed_precondition", message);
  }
}

/** Wrong words on the command line: docker adds where help is to be had. */
export class UsageError extends SkiffError {
  constructor(message: string) {
    super("invalid_argument", message);
  }
}

/** What docker ends with the name of the program before, and where help is to be had after it. */
export class HelpError extends SkiffError {
  constructor(
    message: string,
    readonly exitCode = 125,
  ) {
    super("invalid_argument", message);
  }
}

/** What the daemon answered; `status` is HTTP's. */
export class DaemonError extends SkiffError {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super("unknown", `Error response from daemon: ${message}`);
  }
}
