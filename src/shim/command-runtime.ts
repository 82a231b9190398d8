/**
 * An OCI runtime behind its command line (runc, crun, youki): the flags of runc, which the others took over. `create` and
 * `exec` answer the words for the supervisor to run; the other verbs are short processes of ours.
 */
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Launch, OciRuntime, RuntimeState } from "../contracts/oci/runtime.ts";
import type { RuntimeOptions } from "../contracts/shim/task.ts";
import { SkiffError } from "../lib/errors.ts";
import { readText } from "./records.ts";

export interface CommandRuntimeParts {
  readonly options: RuntimeOptions;
  /** Used when the options name no root. */
  readonly root: string;
  /** Record directory and terminal of a process; `execId` "" is init. */
  process(execId: string): { readonly directory: string; readonly terminal: boolean };
}

/** runc's and crun's words for a container that they do not know, or have half deleted. */
const GONE =
  /container .*does not exist|cannot open directory '.*': No such file|error opening file '.*status': No such/;

/** The last error of a runtime's JSON log: one object with `level` and `msg` a line. "" when there is none. */
export function lastLogError(logFile: string): string {
  let message = "";
  for (const line of (readText(logFile) ?? "").split("\n")) {
    try {
      const entry = JSON.parse(line) as { level?: unknown; msg?: unknown };
      if (entry.level === "error" && typeof entry.msg === "string") message = entry.msg;
    } catch {
      // A line that a dying runtime left unfinished.
    }
  }
  return message;
}

export function createCommandRuntime(parts: CommandRuntimeParts): OciRuntime {
  const { options } = parts;
  const name = basename(options.binaryName);
  const logFile = (): string => join(parts.process("").directory, "log.json");
  const global = (log: string): string[] => [
    ...[options.binaryName, "--root", options.root || parts.root, "--log", log, "--log-format", "json"],
    ...(options.systemdCgroup ? ["--systemd-cgroup"] : []),
  ];
  const run = async (verb: string, ...args: string[]): Promise<string> => {
    const argv = [...global(logFile()), verb, ...args];
    const child = Bun.spawn(argv, { stdio: ["ignore", "pipe", "pipe"] });
    const [out, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    if (code === 0) return out;
    const cause = lastLogError(logFile()) || errors.trim() || `${name} ${verb}: exit status ${code}`;
    throw new SkiffError(GONE.test(cause) ? "not_found" : "unknown", cause);
  };
  /** The part of a launch that create and exec share. */
  const launch = (execId: string, verb: readonly string[], id: string): Launch => {
    const { directory, terminal } = parts.process(execId);
    const log = join(directory, "log.json");
    const pidFile = join(directory, "runtime.pid");
    const consoleSocket = terminal ? join(directory, "console.sock") : undefined;
    const console = consoleSocket === undefined ? [] : ["--console-socket", consoleSocket];
    const argv = [...global(log), ...verb, "--pid-file", pidFile, ...console, id];
    return { kind: "command", argv, pidFile, logFile: log, ...(consoleSocket && { consoleSocket }) };
  };
  return {
    name,
    async create(request) {
      const pivot = request.noPivotRoot ? ["--no-pivot"] : [];
      return launch("", ["create", "--bundle", request.bundle, ...pivot], request.id);
    },
    async exec(request) {
      const file = join(parts.process(request.execId).directory, "runtime-process.json");
      writeFileSync(file, JSON.stringify(request.process), { mode: 0o600 });
      return launch(request.execId, ["exec", "--detach", "--process", file], request.id);
    },
    start: async (id) => void (await run("start", id)),
    state: async (id) => JSON.parse(await run("state", id)) as RuntimeState,
    kill: async (id, signal, all) => void (await run("kill", ...(all ? ["--all"] : []), id, String(signal))),
    delete: async (id, force) => void (await run("delete", ...(force ? ["--force"] : []), id)),
    pause: async (id) => void (await run("pause", id)),
    resume: async (id) => void (await run("resume", id)),
    async update(id, resources) {
      const file = join(parts.process("").directory, "resources.json");
      writeFileSync(file, JSON.stringify(resources), { mode: 0o600 });
      await run("update", "--resources", file, id);
    },
    pids: async (id) => JSON.parse(await run("ps", "--format", "json", id)) as number[],
  };
}
