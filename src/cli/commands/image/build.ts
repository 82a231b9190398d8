/** `skiff build`: the classic builder's request, the context as a tar archive. */
import { realpathSync, statSync, writeFileSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import { isTerminal, writeStderr, writeStdout } from "../../../kernel/stdout.ts";
import { parseReference } from "../../../lib/reference.ts";
import { encodeAuth, hostOf } from "../../auth/credentials.ts";
import { contextArchive } from "../../build/context.ts";
import { buildQuery } from "../../build/query.ts";
import { bool, type Command, type Context, int, list, text } from "../../command.ts";
import { CliError, DaemonError, UsageError } from "../../errors.ts";
import { humanSize } from "../../format/units.ts";
import { type Screen, screenOf, showProgress } from "../../progress/display.ts";
import { openSource } from "../../streams/source.ts";

const REMOTE = /^(https?:\/\/|git:\/\/|git@|github\.com\/)/;
const DOCKERFILE = "Dockerfile";

function unprepared(why: string): CliError {
  return new CliError(`unable to prepare context: ${why}`);
}

function directoryOf(word: string): string {
  try {
    if (statSync(word).isDirectory()) return realpathSync(word);
  } catch {
    throw unprepared(`path ${JSON.stringify(word)} not found`);
  }
  throw unprepared(`context must be a directory: ${resolve(word)}`);
}

/** Relative to the context, in which it must lie. */
function dockerfileOf(root: string, given: string): string {
  const path = given === "" ? join(root, DOCKERFILE) : isAbsolute(given) ? given : resolve(given);
  let real: string;
  try {
    real = realpathSync(path);
  } catch {
    const inside = given === "" || isAbsolute(given) ? path : join(root, given);
    try {
      real = realpathSync(inside);
    } catch {
      throw unprepared(
        `unable to evaluate symlinks in Dockerfile path: lstat ${path}: no such file or directory`,
      );
    }
  }
  const name = relative(root, real);
  if (name.startsWith("../")) throw unprepared(`the Dockerfile (${given}) must be within the build context`);
  return name;
}

async function* counted(pieces: AsyncIterable<Uint8Array>, done: (bytes: number) => void) {
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    yield piece;
  }
  done(bytes);
}

function bodyOf(context: Context, word: string): { body?: AsyncIterable<Uint8Array>; dockerfile: string } {
  const file = context.text("file");
  if (word === "-") return { body: openSource("-").pieces, dockerfile: file || DOCKERFILE };
  if (REMOTE.test(word)) return { dockerfile: file || DOCKERFILE };
  if (file === "-") throw new CliError("a Dockerfile from stdin with a context is not implemented by skiff");
  const root = directoryOf(word);
  const dockerfile = dockerfileOf(root, file);
  return { body: contextArchive(root, dockerfile), dockerfile };
}

function checkTags(tags: readonly string[]): void {
  for (const tag of tags)
    try {
      parseReference(tag);
    } catch (error) {
      throw new UsageError(
        `invalid argument ${JSON.stringify(tag)} for "-t, --tag" flag: ${(error as Error).message}`,
      );
    }
}

function registryConfig({ settings }: Context): Record<string, string> {
  const auths = Object.entries(settings.config.auths ?? {}).map(([server, { auth = "" }]) => {
    const [username = "", ...rest] = Buffer.from(auth, "base64").toString().split(":");
    return [server, { username, password: rest.join(":"), serveraddress: hostOf(server) }] as const;
  });
  return { "X-Registry-Config": encodeAuth(Object.fromEntries(auths) as never) };
}

async function build(context: Context, screen: Screen): Promise<string> {
  const [word = ""] = context.words;
  checkTags(context.list("tag"));
  const { body, dockerfile } = bodyOf(context, word);
  const quiet = context.bool("quiet");
  const told = (bytes: number) => {
    const line = `Sending build context to Docker daemon  ${humanSize(bytes)}\n`;
    if (quiet) writeStderr(line);
    else writeStdout(line);
  };
  const response = await context.client.send("POST", "/build", {
    query: { ...buildQuery(context, dockerfile), ...(body === undefined ? { remote: word } : {}) },
    headers: { "Content-Type": "application/x-tar", ...registryConfig(context) },
    ...(body === undefined ? {} : { body: counted(body, told) }),
  });
  let id = "";
  await showProgress(response.body, screen, (value) => {
    id = (value as { ID?: string }).ID ?? id;
  });
  return id;
}

const PARTS = [
  list("add-host", 'Add a custom host-to-IP mapping ("host:ip")'),
  list("build-arg", "Set build-time variables"),
  list("cache-from", "Images to consider as cache sources", { type: "strings" }),
  text("cgroup-parent", 'Set the parent cgroup for the "RUN" instructions during build'),
  int("cpu-period", "Limit the CPU CFS (Completely Fair Scheduler) period"),
  int("cpu-quota", "Limit the CPU CFS (Completely Fair Scheduler) quota"),
  int("cpu-shares", "CPU shares (relative weight)", { short: "c" }),
  text("cpuset-cpus", "CPUs in which to allow execution (0-3, 0,1)"),
  text("cpuset-mems", "MEMs in which to allow execution (0-3, 0,1)"),
  text("file", 'Name of the Dockerfile (Default is "PATH/Dockerfile")', { short: "f" }),
  bool("force-rm", "Always remove intermediate containers"),
  text("iidfile", "Write the image ID to the file"),
  list("label", "Set metadata for an image"),
  text("memory", "Memory limit", { short: "m", type: "bytes" }),
  text("memory-swap", "Swap limit equal to memory plus swap: -1 to enable unlimited swap", { type: "bytes" }),
  text("network", "Set the networking mode for the RUN instructions during build", { default: "default" }),
  bool("no-cache", "Do not use cache when building the image"),
  text("platform", "Set platform if server is multi-platform capable"),
  bool("pull", "Always attempt to pull a newer version of the image"),
  bool("quiet", "Suppress the build output and print image ID on success", "q"),
  bool("rm", "Remove intermediate containers after a successful build", undefined, "true"),
  text("shm-size", 'Size of "/dev/shm"', { type: "bytes" }),
  bool("squash", "Squash newly built layers into a single new layer"),
  list("tag", 'Name and optionally a tag in the "name:tag" format', { short: "t" }),
  text("target", "Set the target build stage to build."),
];

export const command: Command = {
  usage: "[OPTIONS] PATH | URL | -",
  summary: "Build an image from a Dockerfile",
  flags: PARTS,
  words: { min: 1, max: 1 },
  async run(context) {
    const quiet = context.bool("quiet");
    let said = "";
    const silent: Screen = { terminal: false, columns: 80, write: (output) => void (said += output) };
    const id = await build(context, quiet ? silent : screenOf("stdout")).catch((error: unknown) => {
      if (quiet && !(error instanceof DaemonError)) writeStderr(said);
      throw error;
    });
    if (quiet) writeStdout(isTerminal(1) || id === "" ? said : `${id}\n`);
    const file = context.text("iidfile");
    if (file !== "") {
      if (id === "") throw new CliError(`server did not provide an image ID. Cannot write ${file}`);
      writeFileSync(file, id);
    }
    return 0;
  },
};
