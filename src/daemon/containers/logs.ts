/** `GET /containers/{id}/logs`: the json-file log that the supervisor writes. */
import { closeSync, type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import { SkiffError } from "../../lib/errors.ts";
import { type ContainerRecord, isRunning } from "./container.ts";
import { findTail, inodeAt, LineReader, openLog, openLogs } from "./log-files.ts";
import { logPath, type Parts } from "./parts.ts";

export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  /** The last so many records; undefined: all. */
  readonly tail: number | undefined;
  /** Nanoseconds since the epoch; 0n: no bound. */
  readonly since: bigint;
  readonly until: bigint;
  readonly timestamps: boolean;
  readonly details: boolean;
}

export interface LogEntry {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
}

/** Looked at again at least so often, should the kernel's notice be missed. */
const POLL_MS = 500;

interface Line {
  readonly log: string;
  readonly stream: "stdout" | "stderr";
  readonly time: string;
}

/** RFC 3339 with up to nine decimals, as nanoseconds. */
export function nanoseconds(time: string): bigint {
  const match = /^([^.]+?)(?:\.([0-9]{1,9}))?(Z|[+-][0-9:]+)$/.exec(time);
  if (match === null) return 0n;
  const seconds = Date.parse(`${match[1]}${match[3]}`) / 1000;
  return BigInt(seconds) * 1_000_000_000n + BigInt((match[2] ?? "").padEnd(9, "0"));
}

function parseLine(text: string): Line | undefined {
  try {
    const line = JSON.parse(text) as Line;
    return typeof line.log === "string" && typeof line.time === "string" ? line : undefined;
  } catch {
    // Cut off by a crash of the machine.
    return undefined;
  }
}

/** `2026-11-24T05:00:00.000000000Z`: always nine decimals, unlike in the file. */
function fixedTime(time: string): string {
  const match = /^([^.Z]+)(?:\.([0-9]+))?Z$/.exec(time);
  return match === null ? time : `${match[1]}.${(match[2] ?? "").padEnd(9, "0")}Z`;
}

/** What `--details` shows: the labels and variables that log options name. */
function detailsOf(container: ContainerRecord): string {
  const { labels = "", env = "" } = container.hostConfig.LogConfig.Config;
  const words = (list: string) => list.split(",").filter((word) => word !== "");
  const variables = new Map(
    (container.config.Env ?? []).map((entry) => entry.split("=", 2) as [string, string]),
  );
  const pairs = [
    ...words(labels).flatMap((key) =>
      key in container.config.Labels ? [[key, container.config.Labels[key]!]] : [],
    ),
    ...words(env).flatMap((key) => (variables.has(key) ? [[key, variables.get(key) ?? ""]] : [])),
  ];
  return pairs.map(([key, value]) => `${encodeURIComponent(key!)}=${encodeURIComponent(value!)}`).join(",");
}

/** Answers a function from line to entry: undefined for those not wanted; `past` once `until` is reached. */
function createSelector(container: ContainerRecord, options: LogOptions) {
  const prefix = options.details ? `${detailsOf(container)} ` : "";
  return (text: string): LogEntry | "past" | undefined => {
    const line = parseLine(text);
    if (line === undefined || !options[line.stream]) return undefined;
    if (options.since > 0n || options.until > 0n) {
      const time = nanoseconds(line.time);
      if (time < options.since) return undefined;
      if (options.until > 0n && time > options.until) return "past";
    }
    const stamp = options.timestamps ? `${fixedTime(line.time)} ` : "";
    return { stream: line.stream, bytes: Buffer.from(`${stamp}${prefix}${line.log}`) };
  };
}

/** Where in the files to begin, so that `tail` records follow. */
function startOf(
  files: readonly { readonly fd: number }[],
  tail: number | undefined,
): { index: number; offset: number } {
  if (tail === undefined || files.length === 0) return { index: 0, offset: 0 };
  let missing = tail;
  for (let index = files.length - 1; index >= 0; index -= 1) {
    const { offset, lines } = findTail(files[index]!.fd, missing);
    missing -= lines;
    if (missing <= 0) return { index, offset };
  }
  return { index: 0, offset: 0 };
}

/** Sleeps until the log's directory changes, the container stops, or a while has passed. */
function createWaker(path: string, stopped: AbortSignal): { next(): Promise<void>; close(): void } {
  let wake = () => {};
  let changed = false;
  const notice = () => {
    changed = true;
    wake();
  };
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(dirname(path), notice);
  } catch {
    // The directory has gone with the container: the poll finds out.
  }
  stopped.addEventListener("abort", notice);
  return {
    async next() {
      if (!changed) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, POLL_MS);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      changed = false;
    },
    close() {
      watcher?.close();
      stopped.removeEventListener("abort", notice);
    },
  };
}

async function* followLog(
  parts: Pick<Parts, "registry" | "waiters">,
  id: string,
  path: string,
  first: LineReader | undefined,
  gone: AbortSignal,
): AsyncGenerator<string[]> {
  const runs = () => {
    const now = parts.registry.find(id);
    return now !== undefined && (isRunning(now) || now.state.status === "restarting");
  };
  const waker = createWaker(path, gone);
  let reader = first;
  let inode = inodeAt(path);
  try {
    while (!gone.aborted) {
      // Asked before reading: what is written before the exit is in the file when the exit is known.
      const wasRunning = runs();
      for (let lines = reader?.read(); lines !== undefined; lines = reader?.read()) yield lines;
      const now = inodeAt(path);
      if (now !== undefined && (reader === undefined || now !== inode)) {
        // Rotated: what was appended to the old file in the meantime has been read above or is read now.
        for (let lines = reader?.read(); lines !== undefined; lines = reader?.read()) yield lines;
        if (reader !== undefined) closeSync(reader.fd);
        const file = openLog(path);
        inode = file?.inode;
        reader = file === undefined ? undefined : new LineReader(file.fd, 0);
        continue;
      }
      if (!wasRunning) return;
      await waker.next();
    }
  } finally {
    waker.close();
    if (reader !== undefined) closeSync(reader.fd);
  }
}

/** Lines in order: of the rotated files, then of the current one, then what is appended while the container runs. */
async function* lines(
  parts: Pick<Parts, "registry" | "waiters">,
  id: string,
  path: string,
  options: LogOptions,
  gone: AbortSignal,
): AsyncGenerator<string[]> {
  const files = openLogs(path);
  const { index, offset } = startOf(files, options.tail);
  const last = files.at(-1);
  let reader: LineReader | undefined;
  try {
    for (let at = index; at < files.length && !gone.aborted; at += 1) {
      reader = new LineReader(files[at]!.fd, at === index ? offset : 0);
      for (let chunk = reader.read(); chunk !== undefined; chunk = reader.read()) yield chunk;
    }
  } finally {
    for (const file of files) if (file !== last || !options.follow) closeSync(file.fd);
  }
  if (options.follow) yield* followLog(parts, id, path, reader, gone);
}

/** @throws unimplemented when the container's log driver keeps nothing to read. */
export async function* readLogs(
  parts: Pick<Parts, "registry" | "waiters" | "paths">,
  container: ContainerRecord,
  options: LogOptions,
  gone: AbortSignal,
): AsyncGenerator<LogEntry> {
  const select = createSelector(container, options);
  for await (const chunk of lines(parts, container.id, logPath(parts.paths, container.id), options, gone)) {
    for (const line of chunk) {
      const entry = select(line);
      if (entry === "past") return;
      if (entry !== undefined) yield entry;
    }
  }
}

/** @throws invalid_argument without a stream, unimplemented for a driver that keeps nothing to read. */
export function checkLogs(container: ContainerRecord, options: LogOptions): void {
  if (!options.stdout && !options.stderr)
    throw new SkiffError("invalid_argument", "Bad parameters: you must choose at least one stream");
  if (container.hostConfig.LogConfig.Type === "none")
    throw new SkiffError("unimplemented", "configured logging driver does not support reading");
}
