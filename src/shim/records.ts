/**
 * What the shim keeps on disk (a tmpfs, lost at reboot as the processes are), so that it may die at any instant:
 *
 *     <stateDir>/<namespace>/<id>/skiff/
 *       task.json          what `create` was asked; written before anything is made, so that it can be unmade
 *       init/              one directory per process; the supervisor's working directory
 *         control.sock     the supervisor answers here while it lives
 *         pid              written by the supervisor once the launch has succeeded
 *         exit             "<status> <nanoseconds>\n", written by the supervisor once the output is drained
 *         started          empty; `start` has succeeded
 *         reported         empty; the exit event has gone out
 *         oom              path of the file that counts OOM kills
 *         plan             the kernel plan, on its way to the supervisor
 *         log.json, runtime.pid, runtime-process.json, resources.json
 *                          a foreign runtime's own log, and what it is told and tells by file
 *       exec-<execId>/     the same, and
 *         process.json     what `exec` was asked
 *
 * A process directory without `pid` and without a supervisor is half-made. Every file appears whole (rename).
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { CreateTask, Exit, ProcessRef, Stdio } from "../contracts/shim/task.ts";
import { messageOf, SkiffError } from "../lib/errors.ts";

export interface ExecRecord {
  readonly stdio: Stdio;
  /** OCI `process` object, JSON. */
  readonly spec: string;
}

export interface TaskRecord {
  readonly request: CreateTask;
  readonly directory: string;
}

/** containerd's rule for identifiers; it also keeps them from being paths. */
const IDENTIFIER = /^[A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*$/;
const IDENTIFIER_LENGTH_MAX = 128;

export function checkIdentifier(kind: string, value: string): void {
  if (value.length > IDENTIFIER_LENGTH_MAX || !IDENTIFIER.test(value)) {
    throw new SkiffError("invalid_argument", `${kind} "${value}": invalid identifier`);
  }
}

export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.tmp`, text, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

export interface ProcessRecord {
  readonly directory: string;
  /** Milliseconds since the epoch. */
  createdMs(): number;
  pid(): number;
  exit(): Exit | undefined;
  /** For a supervisor that can no longer write it. */
  setExit(exit: Exit): void;
  has(mark: "started" | "reported"): boolean;
  mark(mark: "started" | "reported"): void;
  exec(): ExecRecord | undefined;
  oomFile(): string | undefined;
  setOomFile(path: string): void;
  remove(): void;
}

export function openProcessRecord(directory: string): ProcessRecord {
  const at = (name: string): string => join(directory, name);
  const pid = (): number => Number(readText(at("pid")) ?? 0);
  return {
    directory,
    createdMs: () => statSync(directory).mtimeMs,
    pid,
    exit() {
      const match = /^(\d{1,10}) (\d{1,20})\n$/.exec(readText(at("exit")) ?? "");
      if (match === null) return undefined;
      return { pid: pid(), exitStatus: Number(match[1]), exitedAtNs: BigInt(match[2]!) };
    },
    setExit: (exit) => writeWhole(at("exit"), `${exit.exitStatus} ${exit.exitedAtNs}\n`),
    has: (mark) => readText(at(mark)) !== undefined,
    mark: (mark) => writeFileSync(at(mark), "", { mode: 0o600 }),
    exec() {
      const text = readText(at("process.json"));
      return text === undefined ? undefined : (JSON.parse(text) as ExecRecord);
    },
    oomFile: () => readText(at("oom")),
    setOomFile: (path) => writeWhole(at("oom"), path),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

export interface Records {
  createTask(request: CreateTask): ProcessRecord;
  createExec(ref: ProcessRef, record: ExecRecord): ProcessRecord;
  removeTask(namespace: string, id: string): void;
  tasks(): TaskRecord[];
  init(namespace: string, id: string): ProcessRecord;
  execs(namespace: string, id: string): { readonly execId: string; readonly record: ProcessRecord }[];
}

export function createRecords(stateDir: string): Records {
  const taskDir = (namespace: string, id: string): string => join(stateDir, namespace, id, "skiff");
  const create = (directory: string, file: string, content: unknown): ProcessRecord => {
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      writeWhole(join(directory, file), JSON.stringify(content));
    } catch (error) {
      throw new SkiffError("internal", `write record ${directory}: ${messageOf(error)}`, { cause: error });
    }
    return openProcessRecord(directory);
  };
  return {
    createTask(request) {
      const directory = taskDir(request.namespace, request.id);
      rmSync(directory, { recursive: true, force: true }); // what a life that was never recovered left
      return create(join(directory, "init"), "../task.json", request);
    },
    createExec(ref, exec) {
      return create(join(taskDir(ref.namespace, ref.id), `exec-${ref.execId}`), "process.json", exec);
    },
    removeTask(namespace, id) {
      rmSync(taskDir(namespace, id), { recursive: true, force: true });
      try {
        /* Ours only if the caller's bundle is elsewhere: then nothing is left in it. */
        rmdirSync(join(stateDir, namespace, id));
      } catch {
        // The caller's bundle: it removes it.
      }
    },
    tasks: () =>
      names(stateDir).flatMap((namespace) =>
        names(join(stateDir, namespace)).flatMap((id) => {
          const directory = taskDir(namespace, id);
          const text = readText(join(directory, "task.json"));
          return text === undefined ? [] : [{ request: JSON.parse(text) as CreateTask, directory }];
        }),
      ),
    init: (namespace, id) => openProcessRecord(join(taskDir(namespace, id), "init")),
    execs: (namespace, id) =>
      names(taskDir(namespace, id))
        .filter((name) => name.startsWith("exec-"))
        .map((name) => ({
          execId: name.slice("exec-".length),
          record: openProcessRecord(join(taskDir(namespace, id), name)),
        })),
  };
}
