/** A directory as the tar archive that `POST /build` takes: what `.dockerignore` leaves in, owned by root. */
import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { EntryType } from "../../lib/tar/entry.ts";
import { encodeEntry, paddingOf, TRAILER } from "../../lib/tar/writer.ts";
import { CliError } from "../errors.ts";
import { type Ignore, parseIgnore } from "./ignore.ts";

/** Times are sent in whole seconds, as docker does: the builder's cache does not look at them. */
const SECOND_NS = 1_000_000_000n;
const IGNORE_FILE = ".dockerignore";

function typeOf(stat: BigIntStats): EntryType | undefined {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "dir";
  if (stat.isSymbolicLink()) return "symlink";
  return stat.isFIFO() ? "fifo" : undefined;
}

function* walk(
  root: string,
  below: string,
  ignore: Ignore,
  enter: (directory: string) => boolean,
): Generator<string, void> {
  for (const name of readdirSync(join(root, below)).sort()) {
    const path = below === "" ? name : `${below}/${name}`;
    const ignored = ignore(path);
    if (!ignored) yield path;
    // In an ignored directory there may be files that are taken back in.
    if ((!ignored || enter(path)) && lstatSync(join(root, path)).isDirectory())
      yield* walk(root, path, ignore, enter);
  }
}

/** Exactly `size` bytes, whatever becomes of the file meanwhile. */
async function* content(path: string, size: number): AsyncGenerator<Uint8Array, void> {
  let left = size;
  for await (const bytes of Bun.file(path).slice(0, size).stream()) {
    yield bytes;
    left -= bytes.length;
  }
  if (left !== 0) throw new CliError(`error checking context: ${path} changed while it was read`);
}

function readIgnore(root: string, dockerfile: string) {
  const own = join(root, `${dockerfile}.dockerignore`);
  for (const path of [own, join(root, IGNORE_FILE)]) {
    try {
      return parseIgnore(readFileSync(path, "utf8"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return parseIgnore("");
}

/** `dockerfile`: relative to `root`; it and `.dockerignore` are always sent. */
export async function* contextArchive(root: string, dockerfile: string): AsyncGenerator<Uint8Array, void> {
  const { ignore, takesBack } = readIgnore(root, dockerfile);
  const needed = new Set([dockerfile, IGNORE_FILE]);
  const wanted: Ignore = (path) => !needed.has(path) && ignore(path);
  const enter = (directory: string) => takesBack || dockerfile.startsWith(`${directory}/`);
  for (const path of walk(root, "", wanted, enter)) {
    const full = join(root, path);
    const stat = lstatSync(full, { bigint: true });
    const type = typeOf(stat);
    if (type === undefined) continue;
    const size = type === "file" ? Number(stat.size) : 0;
    yield encodeEntry({
      ...{
        name: type === "dir" ? `${path}/` : path,
        type,
        mode: Number(stat.mode & 0o7777n),
        uid: 0,
        gid: 0,
        size,
      },
      ...{
        modifiedNs: (stat.mtimeNs / SECOND_NS) * SECOND_NS,
        linkName: type === "symlink" ? readlinkSync(full) : "",
        major: 0,
        minor: 0,
      },
      xattrs: new Map(),
    });
    if (size === 0) continue;
    yield* content(full, size);
    yield paddingOf(size);
  }
  yield TRAILER;
}
