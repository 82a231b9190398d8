/** The containers of skiffd: one small service per concern, all on the same parts. Each verb has its own file. */
import type { Database } from "bun:sqlite";
import type { TraceContext } from "../../lib/trace.ts";
import { type Attachment, type AttachOptions, attachContainer } from "./attach.ts";
import { createAttachments } from "./attachments.ts";
import type { EndpointSettings } from "./config.ts";
import { connectContainer, disconnectContainer } from "./connect.ts";
import type { ContainerRecord } from "./container.ts";
import { type CreateRequest, type CreateResponse, createContainer } from "./create.ts";
import {
  completeExecConfig,
  createExec,
  type ExecStart,
  inspectExec,
  type StartedExec,
  startExec,
} from "./exec.ts";
import { Execs } from "./execs.ts";
import type { Filters } from "./filters.ts";
import { createHealthMonitors } from "./health/monitors.ts";
import { runProbe } from "./health/probe.ts";
import { inspectContainer } from "./inspect.ts";
import { killContainer, killNow, restartContainer, type StopOptions, stopContainer } from "./kill.ts";
import { type ListOptions, listContainers } from "./list.ts";
import { createLocks } from "./locks.ts";
import { checkLogs, type LogEntry, type LogOptions, readLogs } from "./logs.ts";
import type { OuterParts, Parts } from "./parts.ts";
import { pauseContainer, unpauseContainer } from "./pause.ts";
import type { TaskEvents } from "./ports.ts";
import { pruneContainers } from "./prune.ts";
import { recoverContainers } from "./recover.ts";
import { Registry } from "./registry.ts";
import { type RemoveOptions, removeContainer } from "./remove.ts";
import { renameContainer } from "./rename.ts";
import { resizeContainer, resizeExec } from "./resize.ts";
import { createRestarts } from "./restart/restarts.ts";
import { startContainer } from "./start.ts";
import { readStats } from "./stats.ts";
import { followTaskEvents } from "./task-events.ts";
import { type Top, topContainer } from "./top.ts";
import {
  exportContainer,
  type PutOptions,
  readArchive,
  type Sink,
  statPath,
  writeArchive,
} from "./tree/archive.ts";
import { type Change, containerChanges } from "./tree/changes.ts";
import type { PathStat } from "./tree/stat.ts";
import { updateContainer } from "./update.ts";
import { parseWaitCondition, waitContainer } from "./wait.ts";
import { createWaiters, type ExitReport } from "./waiters.ts";

/** `reference` is everywhere a full id, a name, or the beginning of an id. */
export interface Lifecycle {
  create(request: CreateRequest, trace?: TraceContext): Promise<CreateResponse>;
  start(reference: string, trace?: TraceContext): Promise<void>;
  stop(reference: string, options: StopOptions): Promise<void>;
  /** `signal`: name or number; "" is SIGKILL. */
  kill(reference: string, signal: string): Promise<void>;
  restart(reference: string, options: StopOptions, trace?: TraceContext): Promise<void>;
  pause(reference: string): Promise<void>;
  unpause(reference: string): Promise<void>;
  remove(reference: string, options: RemoveOptions): Promise<void>;
  prune(filters: Filters): Promise<object>;
  /** Throws at once when there is no such container or condition; the report comes when it is met. */
  wait(reference: string, condition: string, signal: AbortSignal): { readonly report: Promise<ExitReport> };
}

export interface Changes {
  rename(reference: string, name: string): void;
  connect(reference: string, network: string, settings: EndpointSettings): Promise<void>;
  disconnect(reference: string, network: string, force: boolean): Promise<void>;
  /** `width` columns, `height` rows. */
  resize(reference: string, width: number, height: number): Promise<void>;
  update(reference: string, change: Readonly<Record<string, unknown>>): Promise<object>;
}

export interface Views {
  list(options: ListOptions): readonly Record<string, unknown>[];
  inspect(reference: string): Record<string, unknown>;
  top(reference: string, psArgs: string): Promise<Top>;
  /** One sample in the words of the stats endpoint. */
  stats(reference: string): Promise<Record<string, unknown>>;
  /** Throws at once for bad options; answers whether it has a terminal (then output is not framed) and the entries. */
  logs(
    reference: string,
    options: LogOptions,
    gone: AbortSignal,
  ): { readonly tty: boolean; readonly entries: AsyncIterable<LogEntry> };
  attach(reference: string, options: AttachOptions): Attachment;
  /** The record itself: for whoever else in the daemon must know (volumes in use, images in use). */
  all(): readonly ContainerRecord[];
  get(reference: string): ContainerRecord;
}

/** The container's tree, from outside. `path` is the container's. */
export interface Files {
  stat(reference: string, path: string): Promise<PathStat>;
  /** @param begin is told the status before the first byte, and answers where the bytes go */
  read(reference: string, path: string, begin: (stat: PathStat) => Sink): Promise<void>;
  write(reference: string, path: string, body: AsyncIterable<Uint8Array>, options: PutOptions): Promise<void>;
  export(reference: string, begin: () => Sink): Promise<void>;
  /** null: none. */
  changes(reference: string): Promise<readonly Change[] | null>;
}

export interface ExecService {
  create(reference: string, config: object): { readonly Id: string };
  start(execId: string, options: ExecStart, trace?: TraceContext): Promise<StartedExec>;
  inspect(execId: string): Record<string, unknown>;
  resize(execId: string, width: number, height: number): Promise<void>;
}

export interface Containers {
  readonly lifecycle: Lifecycle;
  readonly changes: Changes;
  readonly views: Views;
  readonly execs: ExecService;
  readonly files: Files;
  /** Before the first request is answered. */
  recover(): Promise<void>;
  /** Runs until the signal is aborted. */
  follow(source: TaskEvents, signal: AbortSignal): Promise<void>;
  /** No more restarts and probes; waits, but not for ever, for the starts and removals under way: cut off, they leave things behind. */
  close(): Promise<void>;
}

const CLOSE_MS_MAX = 5000;

export function createContainers(outer: OuterParts, database: Database): Containers {
  const parts: Parts & { readonly execs: Execs } = {
    ...outer,
    registry: new Registry(database),
    locks: createLocks(),
    waiters: createWaiters(),
    restarts: createRestarts(outer.timers),
    attachments: createAttachments(),
    execs: new Execs(),
  };
  const health = createHealthMonitors({
    ...outer,
    registry: parts.registry,
    probe: (container, command, gone) => runProbe(parts, container, command, gone),
  });
  parts.registry.watch((id, after) => health.follow(id, after));
  const recover = async () => {
    await recoverContainers(parts);
    for (const container of parts.registry.all()) health.follow(container.id, container);
  };
  return {
    lifecycle: {
      create: (request, trace) => createContainer(parts, request, trace),
      start: (reference, trace) => startContainer(parts, reference, trace),
      stop: (reference, options) => stopContainer(parts, reference, options),
      kill: (reference, signal) => killContainer(parts, reference, signal),
      restart: (reference, options, trace) => restartContainer(parts, reference, options, trace),
      pause: (reference) => pauseContainer(parts, reference),
      unpause: (reference) => unpauseContainer(parts, reference),
      remove: (reference, options) => removeContainer(parts, reference, options, killNow),
      prune: (filters) => pruneContainers(parts, filters),
      wait: (reference, condition, signal) =>
        waitContainer(parts, reference, parseWaitCondition(condition), signal),
    },
    changes: {
      rename: (reference, name) => renameContainer(parts, reference, name),
      connect: (reference, network, settings) => connectContainer(parts, reference, network, settings),
      disconnect: (reference, network, force) => disconnectContainer(parts, reference, network, force),
      resize: (reference, width, height) => resizeContainer(parts, reference, width, height),
      update: (reference, change) => updateContainer(parts, reference, change),
    },
    views: {
      list: (options) => listContainers(parts, options),
      inspect: (reference) => inspectContainer(parts, reference),
      top: (reference, psArgs) => topContainer(parts, reference, psArgs),
      stats: (reference) => readStats(parts, reference),
      logs(reference, options, gone) {
        const container = parts.registry.get(reference);
        checkLogs(container, options);
        return { tty: container.config.Tty, entries: readLogs(parts, container, options, gone) };
      },
      attach: (reference, options) => attachContainer(parts, reference, options),
      all: () => parts.registry.all(),
      get: (reference) => parts.registry.get(reference),
    },
    execs: {
      create: (reference, config) => createExec(parts, reference, completeExecConfig(config)),
      start: (execId, options, trace) => startExec(parts, execId, options, trace),
      inspect: (execId) => inspectExec(parts, execId),
      resize: (execId, width, height) => resizeExec(parts, execId, width, height),
    },
    files: {
      stat: (reference, path) => statPath(parts, reference, path),
      read: (reference, path, begin) => readArchive(parts, reference, path, begin),
      write: (reference, path, body, options) => writeArchive(parts, reference, path, body, options),
      export: (reference, begin) => exportContainer(parts, reference, begin),
      changes: (reference) => containerChanges(parts, reference),
    },
    recover,
    follow: (source, signal) => followTaskEvents(parts, source, signal),
    async close() {
      parts.restarts.close();
      health.close();
      await Promise.race([parts.locks.idle(), Bun.sleep(CLOSE_MS_MAX)]);
    },
  };
}
