/**
 * What `skiff build PATH | URL | -` sends. A directory becomes an archive, without what `.dockerignore` names; stdin is an archive or a single
 * Dockerfile; a URL is the daemon's to fetch.
 */
import { lstatSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { messageOf } from "../../lib/errors.ts";
import { CliError } from "../errors.ts";
import { openStdin } from "../streams/stdin.ts";
import { isArchive, peek, readLimited } from "./archive.ts";
import { type Ignored, parseIgnore } from "./ignore.ts";
import { type Extra, packContext, packExtras } from "./pack.ts";
import { walk } from "./walk.ts";

export interface BuildContext {
  /** Absent: the daemon fetches `remote`. */
  readonly body?: AsyncIterable<Uint8Array>;
  readonly remote: string;
  /** Path of the Dockerfile within the context; "": the daemon's default. */
  readonly dockerfile: string;
}

const DOCKERFILE = "Dockerfile";
const DOCKERFILE_BYTES_MAX = 16 * 1024 * 1024;
const REMOTE = /^(https?:\/\/|git:\/\/|git@|ssh:\/\/|github\.com\/)/;

function unprepared(message: string): CliError {
  return new CliError(`unable to prepare context: ${message}`);
}

function directoryOf(word: string): string {
  const stats = statSync(word, { throwIfNoEntry: false });
  if (stats === undefined) throw unprepared(`path ${JSON.stringify(word)} not found`);
  const path = realpathSync(word);
  if (!stats.isDirectory()) throw unprepared(`context must be a directory: ${path}`);
  return path;
}

/** Absolute. `given` is `-f`, against our working directory. */
function dockerfileOf(root: string, given: string): string {
  let path = given === "" ? join(root, DOCKERFILE) : resolve(given);
  const lower = join(root, DOCKERFILE.toLowerCase());
  const exists = (name: string) => lstatSync(name, { throwIfNoEntry: false }) !== undefined;
  if (given === "" && !exists(path) && exists(lower)) path = lower;
  try {
    realpathSync(path);
    return path;
  } catch {
    throw unprepared(
      `unable to evaluate symlinks in Dockerfile path: lstat ${path}: no such file or directory`,
    );
  }
}

function ignoredOf(
  root: string,
  dockerfile: string,
): { readonly text: string | undefined; readonly ignored: Ignored } {
  let text: string | undefined;
  try {
    text = readFileSync(join(root, ".dockerignore"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  try {
    const ignored = parseIgnore(text ?? "");
    // What the build itself needs is sent in any case.
    const needed = new Set([".dockerignore", dockerfile]);
    const { ignore } = ignored;
    const mayContainSent = (path: string) =>
      ignored.mayContainSent(path) || dockerfile.startsWith(`${path}/`);
    return { text, ignored: { ignore: (path) => !needed.has(path) && ignore(path), mayContainSent } };
  } catch (error) {
    throw new CliError(`error checking context: ${messageOf(error)}`);
  }
}

/** A Dockerfile from elsewhere goes along under a name that no file has, and is hidden from the build's own steps. */
function hiddenDockerfile(content: Uint8Array, ignoreText: string | undefined): readonly [Extra, Extra] {
  const path = `.dockerfile.${Buffer.from(crypto.getRandomValues(new Uint8Array(10))).toString("hex")}`;
  const ignore = `${ignoreText ?? ".dockerignore"}\n${path}\n`;
  return [
    { path, content },
    { path: ".dockerignore", content: Buffer.from(ignore) },
  ];
}

async function fromDirectory(word: string, file: string): Promise<BuildContext> {
  const root = directoryOf(word);
  const path = file === "-" ? "" : dockerfileOf(root, file);
  const inside = relative(root, path);
  const outside = path === "" || inside.startsWith("..");
  const { text, ignored } = ignoredOf(root, outside ? "" : inside);
  const files = walk(root, ignored);
  if (!outside) return { body: packContext(root, files, []), remote: "", dockerfile: inside };
  const content =
    path === "" ? await readLimited(openStdin().pieces, DOCKERFILE_BYTES_MAX) : readFileSync(path);
  const extras = hiddenDockerfile(content, text);
  return { body: packContext(root, files, extras), remote: "", dockerfile: extras[0].path };
}

async function fromStdin(file: string): Promise<BuildContext> {
  const { head, pieces } = await peek(openStdin().pieces);
  if (isArchive(head)) return { body: pieces, remote: "", dockerfile: file };
  if (file !== "")
    throw unprepared("ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles");
  const content = await readLimited(pieces, DOCKERFILE_BYTES_MAX);
  return { body: packExtras([{ path: DOCKERFILE, content }]), remote: "", dockerfile: DOCKERFILE };
}

/** @throws CliError */
export async function openContext(word: string, file: string): Promise<BuildContext> {
  if (word === "-" && file === "-")
    throw new CliError("invalid argument: can't use stdin for both build context and dockerfile");
  if (word === "-") return fromStdin(file);
  if (REMOTE.test(word) && statSync(word, { throwIfNoEntry: false }) === undefined)
    return { remote: word, dockerfile: file };
  return fromDirectory(word, file);
}
