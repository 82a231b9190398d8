/** The files of a json-file log, oldest first, and their lines; the newest lines without reading the rest. */
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";

const CHUNK = 64 * 1024;
/** A record holds one line of at most 16 KiB, escaped; a longer "line" is damage and is cut. */
const LINE_BYTES_MAX = 1 << 20;
const NEWLINE = 10;

export interface LogFile {
  readonly fd: number;
  readonly inode: number;
}

export function openLog(path: string): LogFile | undefined {
  try {
    const fd = openSync(path, "r");
    return { fd, inode: fstatSync(fd).ino };
  } catch {
    return undefined;
  }
}

export function inodeAt(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/** The rotated files and the current one, oldest first. The caller closes them. */
export function openLogs(path: string): LogFile[] {
  const files: LogFile[] = [];
  const current = openLog(path);
  if (current !== undefined) files.unshift(current);
  for (let number = 1; ; number += 1) {
    const file = openLog(`${path}.${number}`);
    if (file === undefined) return files;
    // Rotated between two opens: the same file again.
    if (files.some(({ inode }) => inode === file.inode)) closeSync(file.fd);
    else files.unshift(file);
  }
}

/** Byte offset at which the last `count` lines begin, reading backwards; also how many there are (fewer than asked: 0 offset). */
export function findTail(fd: number, count: number): { readonly offset: number; readonly lines: number } {
  const { size } = fstatSync(fd);
  if (count <= 0) return { offset: size, lines: 0 };
  const chunk = Buffer.allocUnsafe(CHUNK);
  let lines = 0;
  // The newline that ends the last line begins none.
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - CHUNK);
    const bytes = readSync(fd, chunk, 0, end - start, start);
    for (let at = bytes - 1; at >= 0; at -= 1) {
      if (chunk[at] !== NEWLINE || start + at === size - 1) continue;
      lines += 1;
      if (lines === count) return { offset: start + at + 1, lines };
    }
    end = start;
  }
  return { offset: 0, lines: size > 0 ? lines + 1 : 0 };
}

/** Reads whole lines from a place in a file, as far as they have been written. */
export class LineReader {
  #offset: number;
  #rest: Buffer = Buffer.alloc(0);
  readonly #chunk = Buffer.allocUnsafe(CHUNK);

  constructor(
    readonly fd: number,
    offset: number,
  ) {
    this.#offset = offset;
  }

  /** The lines of the next chunk; undefined at the end of what is written. */
  read(): string[] | undefined {
    const bytes = readSync(this.fd, this.#chunk, 0, CHUNK, this.#offset);
    if (bytes === 0) return undefined;
    this.#offset += bytes;
    const all = Buffer.concat([this.#rest, this.#chunk.subarray(0, bytes)]);
    const end = all.lastIndexOf(NEWLINE);
    this.#rest = all.subarray(end + 1);
    if (this.#rest.length > LINE_BYTES_MAX) this.#rest = Buffer.alloc(0);
    return end < 0 ? [] : all.toString("utf8", 0, end).split("\n");
  }
}
