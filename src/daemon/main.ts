/** skiffd's command line. */
import { ENGINE_VERSION } from "../contracts/engine/versions.ts";
import { writeStderr, writeStdout } from "../kernel/stdout.ts";
import { messageOf } from "../lib/errors.ts";
import { type DaemonOptions, daemonOptions } from "./config/options.ts";
import { type Given, parseFlags } from "./config/parse.ts";
import { createLogger } from "./log.ts";
import { COMMIT } from "./system/version.ts";

const NEEDS_ROOT =
  "skiffd needs to be started with root privileges: it makes namespaces, mounts and network interfaces";

function fail(message: string): number {
  writeStderr(`${message}\n`);
  return 1;
}

async function start(options: DaemonOptions): Promise<number> {
  if (process.getuid!() !== 0) return fail(NEEDS_ROOT);
  const { serve } = await import("./serve.ts");
  try {
    await serve(options, createLogger(options.level));
    return 0;
  } catch (error) {
    return fail(`failed to start daemon: ${messageOf(error)}`);
  }
}

/** Runs until SIGTERM or SIGINT; answers the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  let given: Given;
  try {
    given = parseFlags(argv);
  } catch (error) {
    return fail(`${messageOf(error)}\nSee 'skiffd --help'.`);
  }
  const asked = (name: string) => given.get(name)?.[0] === "true";
  if (asked("help")) {
    const { usage } = await import("./config/usage.ts");
    writeStdout(usage());
    return 0;
  }
  if (asked("version")) {
    writeStdout(`Skiff version ${ENGINE_VERSION}, build ${COMMIT}\n`);
    return 0;
  }
  let options: DaemonOptions;
  try {
    options = daemonOptions(given);
  } catch (error) {
    return fail(messageOf(error));
  }
  if (asked("validate")) {
    writeStderr("configuration OK\n");
    return 0;
  }
  return start(options);
}
