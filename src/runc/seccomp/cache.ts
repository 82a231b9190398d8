/**
 * Compiled filters, kept in memory and below the state directory: a fresh process needs 9 ms to compile Docker's profile, and containers
 * share a handful of profiles. The directory is as private as the state itself (0700, lost at reboot).
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path/posix";
import type { Seccomp } from "../../contracts/oci/spec.ts";
import { compileSeccomp, type SeccompFilter } from "./compile.ts";

/** Part of the key: a filter that an older compiler made is not used. */
const COMPILER = 1;
const FILTERS_MAX = 32;
const HEAD_BYTES = 4;

export type FilterSource = (seccomp: Seccomp) => SeccompFilter;

const memory = new Map<string, SeccompFilter>();

function read(path: string): SeccompFilter | undefined {
  try {
    const bytes = readFileSync(path);
    if (bytes.length < HEAD_BYTES || (bytes.length - HEAD_BYTES) % 8 !== 0) return undefined;
    return { flags: bytes.readUInt32LE(0), program: bytes.subarray(HEAD_BYTES) };
  } catch {
    return undefined;
  }
}

/** Best effort: without the file the next process compiles again. */
function write(directory: string, path: string, filter: SeccompFilter): void {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(filter.flags);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (readdirSync(directory).length >= FILTERS_MAX) rmSync(directory, { recursive: true });
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(`${path}.${process.pid}`, Buffer.concat([head, filter.program]), { mode: 0o600 });
    renameSync(`${path}.${process.pid}`, path);
  } catch {
    // a full or read-only disk is somebody else's message
  }
}

/** `root`: the runtime's state directory. */
export function createFilterCache(root: string): FilterSource {
  const directory = join(root, ".filters");
  return (seccomp) => {
    const key = new Bun.CryptoHasher("sha256")
      .update(JSON.stringify([COMPILER, process.arch, seccomp]))
      .digest("hex");
    const path = join(directory, key);
    const known = memory.get(key) ?? read(path);
    const filter = known ?? compileSeccomp(seccomp);
    if (known === undefined) write(directory, path, filter);
    if (memory.size >= FILTERS_MAX) memory.clear();
    memory.set(key, filter);
    return filter;
  };
}
