/** A build's directory as a tar archive, streamed: every file is root's, of every set of hard links one is sent whole. */
import { open, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { EntryType, TarEntry } from "../../lib/tar/entry.ts";
import { encodeEntry, paddingOf, TRAILER } from "../../lib/tar/writer.ts";
import { CliError } from "../errors.ts";
import type { Found } from "./walk.ts";

const PIECE_BYTES = 256 * 1024;
const SECOND_NS = 1_000_000_000n;
const MODE = 0o7777n;

/** A file that is not in the directory, or not as it is there. */
export interface Extra {
  readonly path: string;
  readonly content: Uint8Array;
}

function typeOf({ stats }: Found): EntryType | undefined {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "dir";
  if (stats.isSymbolicLink()) return "symlink";
  if (stats.isFIFO()) return "fifo";
  if (stats.isCharacterDevice()) return "char";
  return stats.isBlockDevice() ? "block" : undefined;
}

const NOBODYS = { uid: 0, gid: 0, major: 0, minor: 0, xattrs: new Map<string, Uint8Array>(), linkName: "" };

function entryOf(found: Found, type: EntryType, linkName: string): TarEntry {
  const { path, stats } = found;
  const device = type === "char" || type === "block";
  return {
    ...NOBODYS,
    ...{ name: type === "dir" ? `${path}/` : path, type, linkName, mode: Number(stats.mode & MODE) },
    size: type === "file" ? Number(stats.size) : 0,
    modifiedNs: (stats.mtimeNs / SECOND_NS) * SECOND_NS,
    major: device ? Number((stats.rdev >> 8n) & 0xfffn) : 0,
    minor: device ? Number((stats.rdev & 0xffn) | ((stats.rdev >> 12n) & 0xfff00n)) : 0,
  };
}

/** Exactly `size` bytes, whatever becomes of the file meanwhile. */
async function* fileBytes(path: string, size: number): AsyncGenerator<Uint8Array, void> {
  await using file = await open(path, "r");
  for (let left = size; left > 0; ) {
    const piece = new Uint8Array(Math.min(left, PIECE_BYTES));
    const { bytesRead } = await file.read(piece, 0, piece.length, null);
    if (bytesRead === 0) throw new CliError(`${path} became shorter while it was sent`);
    left -= bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

async function* packFound(root: string, found: Found, links: Map<string, string>) {
  let type = typeOf(found);
  if (type === undefined) return;
  const { path, stats } = found;
  const inode = `${stats.dev}:${stats.ino}`;
  const first = type === "file" && stats.nlink > 1n ? links.get(inode) : undefined;
  if (first !== undefined) type = "link";
  else if (stats.nlink > 1n) links.set(inode, path);
  const target = type === "symlink" ? await readlink(join(root, path)) : (first ?? "");
  const entry = entryOf(found, type, target);
  yield encodeEntry(entry);
  if (type !== "file") return;
  yield* fileBytes(join(root, path), entry.size);
  if (entry.size % 512 !== 0) yield paddingOf(entry.size);
}

function* packExtra({ path, content }: Extra, mode: number): Generator<Uint8Array, void> {
  const modifiedNs = BigInt(Math.trunc(Date.now() / 1000)) * SECOND_NS;
  yield encodeEntry({ ...NOBODYS, name: path, type: "file", mode, size: content.length, modifiedNs });
  yield content;
  if (content.length % 512 !== 0) yield paddingOf(content.length);
}

/** `extras` replace files of the same path; the others come last. */
export async function* packContext(
  root: string,
  files: Iterable<Found>,
  extras: readonly Extra[],
): AsyncGenerator<Uint8Array, void> {
  const left = new Map(extras.map((extra) => [extra.path, extra]));
  const links = new Map<string, string>();
  for (const found of files) {
    const extra = left.get(found.path);
    if (extra === undefined) yield* packFound(root, found, links);
    else yield* packExtra(extra, Number(found.stats.mode & MODE));
    left.delete(found.path);
  }
  for (const extra of left.values()) yield* packExtra(extra, 0o600);
  yield TRAILER;
}

/** An archive of nothing but these. */
export async function* packExtras(extras: readonly Extra[]): AsyncGenerator<Uint8Array, void> {
  for (const extra of extras) yield* packExtra(extra, 0o644);
  yield TRAILER;
}
