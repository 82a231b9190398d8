/** No daemon and nobody said where one is: ours is started, once, however many commands ask at the same time. */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { LOCK } from "../../kernel/constants.ts";
import { linuxKernel } from "../../kernel/linux.ts";
import { writeStderr } from "../../kernel/stdout.ts";
import { selfCommand } from "../../lib/self.ts";
import { request } from "../../wire/http1/client.ts";
import { CliError } from "../errors.ts";
import { ownSocket } from "./settings.ts";

const START_MS_MAX = 30_000;
const LOG_LINES = 5;

async function answers(socket: string): Promise<boolean> {
  try {
    const response = await request({ unix: socket }, { method: "GET", path: "/_ping" });
    response.close();
    return response.status === 200;
  } catch {
    return false;
  }
}

function lastWords(log: string): string {
  return existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n").slice(-LOG_LINES).join("\n") : "";
}

async function launch(socket: string, directory: string): Promise<void> {
  const log = join(directory, "skiffd.log");
  const output = openSync(log, "a", 0o600);
  const flags = [
    "-H",
    `unix://${socket}`,
    "--pidfile",
    join(directory, "skiffd.pid"),
    "--exec-root",
    directory,
  ];
  const child = Bun.spawn(selfCommand("skiffd", [...flags, "--data-root", "/var/lib/skiff"]), {
    cwd: "/",
    detached: true,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  child.unref();
  for (const deadline = Date.now() + START_MS_MAX; Date.now() < deadline; await Bun.sleep(5)) {
    if (await answers(socket)) {
      writeStderr(`Started skiffd (pid ${child.pid}) on unix://${socket}\n`);
      return;
    }
    if (child.exitCode !== null) break;
  }
  throw new CliError(`start skiffd: it does not answer on unix://${socket}\n${lastWords(log)}`);
}

export async function startOwnDaemon(): Promise<void> {
  const socket = ownSocket();
  const directory = dirname(socket);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o711 });
  } catch {
    throw new CliError(
      `Cannot connect to the Docker daemon at unix://${socket}. Is the docker daemon running?`,
    );
  }
  // On the directory: nothing is left behind, and the kernel lets go when we end.
  const lock = openSync(directory, "r");
  try {
    linuxKernel.flock(lock, LOCK.EX);
    if (!(await answers(socket))) await launch(socket, directory);
  } finally {
    closeSync(lock);
  }
}
