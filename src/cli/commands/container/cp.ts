/** `skiff cp`: one side is `CONTAINER:PATH`, the other a path here, or `-` for a tar archive. The system's tar packs what is ours. */
import { existsSync, lstatSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { isTerminal, writeStderr } from "../../../kernel/stdout.ts";
import { bool, type Command, type Context } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { humanSize } from "../../format/units.ts";
import { saveStream } from "../../streams/save.ts";
import { openStdin } from "../../streams/stdin.ts";
import { inPath } from "../each.ts";
import { unpackBelow } from "./unpack.ts";

interface Place {
  /** "" is this machine. */
  readonly container: string;
  readonly path: string;
}

interface PathStat {
  readonly name: string;
  readonly mode: number;
  readonly linkTarget: string;
}

const STDOUT = 1;
/** Of Go's os.FileMode. */
const GO_DIRECTORY = 2 ** 31;
const GO_SYMLINK = 2 ** 27;

function placeOf(word: string): Place {
  if (word.startsWith("/") || word.startsWith(".") || word === "-") return { container: "", path: word };
  const colon = word.indexOf(":");
  return colon < 0
    ? { container: "", path: word }
    : { container: word.slice(0, colon), path: word.slice(colon + 1) };
}

async function statInside(context: Context, { container, path }: Place): Promise<PathStat | undefined> {
  try {
    const response = await context.client.send("HEAD", `/containers/${inPath(container)}/archive`, {
      query: { path },
    });
    response.close();
    const text = response.headers.get("x-docker-container-path-stat") ?? "";
    return JSON.parse(Buffer.from(text, "base64").toString()) as PathStat;
  } catch {
    return undefined;
  }
}

const hasMode = (stat: PathStat, bit: number): boolean => Math.floor(stat.mode / bit) % 2 === 1;

function sed(from: string, to: string): string {
  const quoted = (text: string) => text.replace(/[|\\&^$.*[\]]/g, "\\$&");
  return `--transform=flags=rSH;s|^${quoted(from)}\\(/\\|$\\)|${to.replace(/[|\\&]/g, "\\$&")}\\1|`;
}

/** The name an entry is to have on the other side. */
async function copyOut(context: Context, from: Place, to: string): Promise<void> {
  const follow = context.bool("follow-link");
  let source = from;
  const stat = await statInside(context, from);
  if (follow && stat !== undefined && hasMode(stat, GO_SYMLINK))
    source = { ...from, path: resolve(dirname(from.path), stat.linkTarget) };
  const url = `/containers/${inPath(from.container)}/archive`;
  const response = await context.client.send("GET", url, { query: { path: source.path } });
  if (to === "-") return saveStream(response.body, "-");
  const name = stat?.name ?? basename(source.path);
  const packed = source === from ? name : basename(source.path);
  const target = statSync(to, { throwIfNoEntry: false });
  const contentsOnly = /\/\.$/.test(from.path);
  const isDirectory = stat !== undefined && hasMode(stat, GO_DIRECTORY);
  if (target === undefined && to.endsWith("/") && !isDirectory) throw new CliError("no such directory");
  if (target !== undefined && !target.isDirectory() && isDirectory)
    throw new CliError("cannot copy directory");
  const into = target?.isDirectory() === true ? to : dirname(resolve(to));
  const wanted = target?.isDirectory() === true ? (contentsOnly ? "." : name) : basename(resolve(to));
  if (!existsSync(into)) throw new CliError(`invalid output path: directory "${into}" does not exist`);
  let bytes = 0;
  await unpackBelow(
    counted(response.body, (count) => (bytes += count)),
    { directory: into, from: packed, to: wanted, keepOwners: context.bool("archive") },
  );
  const ending = /(?:^|\/)\.$/.test(to) ? "/." : to.endsWith("/") ? "/" : "";
  sayCopied(context, bytes, resolve(to) + ending);
}

async function* packLocal(path: string, wanted: string, follow: boolean): AsyncGenerator<Uint8Array> {
  // The link that is named is followed, those below it are copied as links.
  const absolute = follow ? realpathSync(path) : resolve(path);
  const contents = /(^|\/)\.$/.test(path) || path.endsWith("/.");
  const [directory, name] = contents ? [absolute, "."] : [dirname(absolute), basename(absolute)];
  const rename = name === wanted ? [] : [sed(name, wanted)];
  // Whole seconds and no padding, as docker's.
  const format = ["--format=pax", "--pax-option=delete=atime,delete=ctime,delete=mtime", "-b1"];
  const argv = ["tar", "-C", directory, "--numeric-owner", ...format, "-cf", "-", ...rename, "--", name];
  const child = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  for await (const bytes of child.stdout) yield bytes;
  if ((await child.exited) !== 0) throw new CliError(`tar: ${(await child.stderr.text()).trim()}`);
}

async function copyIn(context: Context, from: string, to: Place): Promise<void> {
  let stat = await statInside(context, to);
  let path = to.path === "" ? "/" : to.path;
  if (stat !== undefined && hasMode(stat, GO_SYMLINK)) {
    path = resolve(dirname(path), stat.linkTarget);
    stat = await statInside(context, { ...to, path });
  }
  const query = {
    noOverwriteDirNonDir: true,
    copyUIDGID: context.bool("archive"),
  };
  const url = `/containers/${inPath(to.container)}/archive`;
  const headers = { "Content-Type": "application/x-tar" };
  const put = async (into: string, body: AsyncIterable<Uint8Array>) => {
    const response = await context.client.send("PUT", url, {
      query: { ...query, path: into },
      headers,
      body,
    });
    await response.text();
  };
  if (from === "-") {
    if (stat === undefined || !hasMode(stat, GO_DIRECTORY))
      throw new CliError(`destination "${to.container}:${to.path}" must be a directory`);
    await put(path, openStdin().pieces);
    return;
  }
  const local = context.bool("follow-link")
    ? statSync(from, { throwIfNoEntry: false })
    : lstatSync(from, { throwIfNoEntry: false });
  if (local === undefined) {
    const whole = resolve(from);
    // As docker puts it together.
    throw new CliError(`lstat ${dirname(whole)}/${basename(whole)}: no such file or directory`);
  }
  const isDirectory = stat !== undefined && hasMode(stat, GO_DIRECTORY);
  if (stat !== undefined && !isDirectory && local.isDirectory()) throw new CliError("cannot copy directory");
  if (stat === undefined && path.endsWith("/") && !local.isDirectory())
    throw new CliError("no such directory");
  const contents = /(^|\/)\.$/.test(from);
  const wanted = isDirectory ? (contents ? "." : basename(resolve(from))) : basename(path);
  let bytes = 0;
  const packed = packLocal(from, wanted, context.bool("follow-link"));
  await put(
    isDirectory ? path : dirname(path.replace(/\/+$/, "")) || "/",
    counted(packed, (count) => (bytes += count)),
  );
  sayCopied(context, bytes, `${to.container}:${to.path}`);
}

/** Counts what passes. */
async function* counted(pieces: AsyncIterable<Uint8Array>, add: (bytes: number) => void) {
  for await (const piece of pieces) {
    add(piece.length);
    yield piece;
  }
}

/** What a person is told; a script asks for nothing. */
function sayCopied(context: Context, bytes: number, to: string): void {
  const quiet = context.given("quiet") ? context.bool("quiet") : !isTerminal(STDOUT);
  if (!quiet) writeStderr(`Successfully copied ${humanSize(bytes, 3)} to ${to}\n`);
}

export const command: Command = {
  usage: "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tskiff cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
  summary: "Copy files/folders between a container and the local filesystem",
  details: `Use '-' as the source to read a tar archive from stdin
and extract it to a directory destination in a container.
Use '-' as the destination to stream a tar archive of a
container source to stdout.`,
  flags: [
    bool("archive", "Archive mode (copy all uid/gid information)", "a"),
    bool("follow-link", "Always follow symbol link in SRC_PATH", "L"),
    bool(
      "quiet",
      "Suppress progress output during copy. Progress output is automatically suppressed if no terminal is attached",
      "q",
    ),
  ],
  words: { min: 2, max: 2 },
  async run(context) {
    const [from, to] = context.words.map(placeOf) as [Place, Place];
    if (from.path === "" && from.container === "") throw new CliError("source can not be empty");
    if (to.path === "" && to.container === "") throw new CliError("destination can not be empty");
    if (from.container !== "" && to.container !== "")
      throw new CliError("copying between containers is not supported");
    if (from.container === "" && to.container === "")
      throw new CliError("must specify at least one container source");
    if (from.container !== "") await copyOut(context, from, to.path);
    else await copyIn(context, from.path, to);
    return 0;
  },
};
