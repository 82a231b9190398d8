/** `POST /containers/{id}/exec`, `/exec/{id}/start`, `/resize`, `GET /exec/{id}/json`. */
import { rmSync } from "node:fs";
import { codeOf, SkiffError, wrap } from "../../lib/errors.ts";
import type { TraceContext } from "../../lib/trace.ts";
import { type ContainerRecord, isRunning } from "./container.ts";
import { parseDetachKeys } from "./detach.ts";
import type { ExecConfig, ExecRecord, Execs } from "./execs.ts";
import { type Parts, publish, stdioPath } from "./parts.ts";
import type { TaskStdio } from "./ports.ts";
import { lookUpUser } from "./prepare.ts";
import { checkShape, EXEC_SHAPE } from "./shapes.ts";
import { buildProcess, capabilitiesOf } from "./spec/build.ts";
import { overrideEnvironment, withHome } from "./spec/environment.ts";
import { classifyStartError } from "./start-error.ts";
import { connectStdio, type StdioConnection } from "./stdio-connection.ts";
import { execUri } from "./stdio-uri.ts";
import { type ClientStream, pump } from "./streams.ts";

export type ExecParts = Parts & { readonly execs: Execs };

function checkRunning(container: ContainerRecord): void {
  const { id, state } = container;
  if (state.status === "paused")
    throw new SkiffError("conflict", `Container ${id} is paused, unpause the container before exec`);
  if (state.status === "restarting")
    throw new SkiffError("conflict", `Container ${id} is restarting, wait until the container is running`);
  if (!isRunning(container)) throw new SkiffError("conflict", `container ${id} is not running`);
}

/** What the client left out is false or empty. */
export function completeExecConfig(given: object): ExecConfig {
  checkShape(given, EXEC_SHAPE, "ExecOptions");
  const { Cmd, Env, ...rest } = given as Partial<ExecConfig>;
  const defaults = { WorkingDir: "", User: "", DetachKeys: "" };
  const flags = {
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    Privileged: false,
  };
  return {
    ...defaults,
    ...flags,
    ...rest,
    Cmd: typeof Cmd === "string" ? [Cmd] : (Cmd ?? []),
    Env: Env ?? [],
  };
}

/** dockerd writes program, space, arguments: the space is there without arguments, too. */
function tell(
  parts: Parts,
  container: ContainerRecord,
  what: "exec_create" | "exec_start",
  { id, config }: Pick<ExecRecord, "id" | "config">,
): void {
  const [program, ...words] = config.Cmd;
  publish(parts, container, `${what}: ${program} ${words.join(" ")}`, { execID: id });
}

export function createExec(parts: ExecParts, reference: string, config: ExecConfig): { readonly Id: string } {
  const container = parts.registry.get(reference);
  if (config.Cmd.length === 0) throw new SkiffError("invalid_argument", "No exec command specified");
  checkRunning(container);
  parseDetachKeys(config.DetachKeys);
  const id = parts.ids.hex(32);
  parts.execs.put({
    id,
    containerId: container.id,
    config,
    started: false,
    running: false,
    pid: 0,
    exitCode: null,
  });
  tell(parts, container, "exec_create", { id, config });
  return { Id: id };
}

/** The container's process with other words, environment, directory, user, and no more rights unless privileged. */
async function processOf(parts: ExecParts, container: ContainerRecord, { config }: ExecRecord) {
  const { hostConfig } = container;
  const root = await parts.roots.mount(container.id);
  const asked = config.User === "" ? container.config.User : config.User;
  const user = lookUpUser(parts, root, asked, hostConfig.GroupAdd ?? []);
  const privileged = config.Privileged || hostConfig.Privileged;
  const capabilities = capabilitiesOf({ ...hostConfig, Privileged: privileged }, parts.host);
  const {
    consoleSize: _,
    terminal: __,
    ...base
  } = buildProcess(
    { container: { ...container, config: { ...container.config, Tty: config.Tty } }, host: parts.host, user },
    capabilities,
  );
  const [height, width] = config.ConsoleSize ?? [0, 0];
  // The user's own home, not that of the container's process.
  const inherited = base.env!.filter(
    (entry) => !entry.startsWith("HOME=") || container.config.Env?.includes(entry),
  );
  return {
    ...base,
    ...(config.Tty ? { terminal: true } : {}),
    ...(config.Tty && height > 0 && width > 0 ? { consoleSize: { height, width } } : {}),
    args: config.Cmd,
    env: withHome(overrideEnvironment(inherited, config.Env), user.home),
    cwd: config.WorkingDir === "" ? base.cwd : config.WorkingDir,
  };
}

export interface ExecStart {
  readonly detach: boolean;
  readonly tty: boolean;
  readonly consoleSize: readonly [number, number] | null;
  /** Output is not framed although there is no terminal. */
  readonly raw?: boolean;
}

export interface StartedExec {
  readonly tty: boolean;
  /** Serves the client until the process or the client ends; does nothing when detached. */
  run(client: ClientStream): Promise<void>;
}

function stdioOf(parts: Parts, exec: ExecRecord, hold: boolean): TaskStdio {
  const { AttachStdin, AttachStdout, AttachStderr, Tty } = exec.config;
  const uri = `${execUri(parts.paths, exec.containerId, exec.id)}${hold ? "&hold=1" : ""}`;
  const when = (wanted: boolean) => (wanted && hold ? uri : "");
  return {
    terminal: Tty,
    stdin: when(AttachStdin),
    // A terminal is one stream, and needs its socket for its size.
    stdout: Tty ? uri : when(AttachStdout),
    stderr: Tty ? "" : when(AttachStderr),
  };
}

async function launch(
  parts: ExecParts,
  exec: ExecRecord,
  container: ContainerRecord,
  detach: boolean,
  trace: TraceContext | undefined,
): Promise<StdioConnection | undefined> {
  const { id, containerId, config } = exec;
  const attaches =
    !detach && (config.AttachStdin || config.AttachStdout || config.AttachStderr || config.Tty);
  try {
    const process = await processOf(parts, container, exec);
    tell(parts, container, "exec_start", exec);
    await parts.tasks.exec(containerId, id, process, stdioOf(parts, exec, attaches), trace);
    // The exit may be told before the start returns.
    parts.execs.change(id, { started: true, running: true });
    const pid = await parts.tasks.start(containerId, id, trace);
    parts.execs.change(id, { pid });
    return attaches ? await connectStdio(stdioPath(parts.paths, containerId, id)) : undefined;
  } catch (error) {
    const { exitCode, error: answer } = classifyStartError(error);
    parts.execs.change(id, { running: false, started: true, exitCode });
    await parts.tasks.delete(containerId, id).catch(() => undefined);
    throw codeOf(error) === "conflict" ? error : answer;
  }
}

/**
 * Starts the process; on return it runs (or has), and its output waits for `run`.
 * @throws conflict when it has been started already or the container does not run; invalid_argument (126, 127) when it cannot be executed.
 */
export async function startExec(
  parts: ExecParts,
  execId: string,
  options: ExecStart,
  trace?: TraceContext,
): Promise<StartedExec> {
  const found = parts.execs.get(execId);
  if (found.exitCode !== null || found.started)
    throw new SkiffError("conflict", `exec command ${execId} is already running`);
  const container = parts.registry.get(found.containerId);
  checkRunning(container);
  const config =
    options.consoleSize === null ? found.config : { ...found.config, ConsoleSize: options.consoleSize };
  const exec = parts.execs.change(execId, { started: true, config })!;
  const connection = await parts.tracer.span(trace, "start exec", (context) =>
    launch(parts, exec, container, options.detach, context),
  );
  const { Tty, AttachStdin, AttachStdout, AttachStderr, DetachKeys } = exec.config;
  const run = async (client: ClientStream): Promise<void> => {
    if (connection === undefined) return;
    await pump(connection, client, {
      tty: Tty,
      raw: options.raw === true,
      stdin: AttachStdin,
      stdout: AttachStdout || Tty,
      stderr: AttachStderr,
      closesStdin: true,
      detachKeys: parseDetachKeys(DetachKeys),
    });
    await settled(parts, execId);
  };
  return { tty: Tty, run };
}

const EXIT_MS_MAX = 3000;

/** The stream's end must not come before `exec inspect` knows the exit code: clients ask at once. */
async function settled(parts: ExecParts, execId: string): Promise<void> {
  if (parts.execs.find(execId)?.exitCode !== null) return;
  const forget = new AbortController();
  const timer = setTimeout(() => forget.abort(), EXIT_MS_MAX);
  const given = new Promise<void>((resolve) => forget.signal.addEventListener("abort", () => resolve()));
  await Promise.race([parts.waiters.next(execId, "exit", forget.signal), given]);
  clearTimeout(timer);
  forget.abort();
}

/** An exec'ed process has ended. */
export async function handleExecExit(parts: ExecParts, execId: string, exitCode: number): Promise<void> {
  const exec = parts.execs.find(execId);
  if (exec === undefined || exec.exitCode !== null) return;
  const { containerId } = exec;
  parts.execs.change(execId, { running: false, exitCode, pid: 0 });
  parts.waiters.notify(execId, "exit", { StatusCode: exitCode });
  const container = parts.registry.find(containerId);
  if (container !== undefined)
    publish(parts, container, "exec_die", { execID: execId, exitCode: String(exitCode) });
  await parts.tasks.delete(containerId, execId).catch((error: unknown) => {
    if (codeOf(error) !== "not_found") parts.log(wrap(error, `delete exec ${execId}`).message);
  });
  rmSync(stdioPath(parts.paths, containerId, execId), { force: true });
}

export function inspectExec(parts: ExecParts, execId: string): Record<string, unknown> {
  const { id, containerId, config, running, pid, exitCode } = parts.execs.get(execId);
  const [entrypoint = "", ...args] = config.Cmd;
  return {
    ID: id,
    Running: running,
    ExitCode: exitCode,
    ProcessConfig: {
      tty: config.Tty,
      entrypoint,
      arguments: args,
      privileged: config.Privileged,
      ...(config.User === "" ? {} : { user: config.User }),
    },
    OpenStdin: config.AttachStdin,
    OpenStderr: config.AttachStderr,
    OpenStdout: config.AttachStdout,
    CanRemove: exitCode !== null,
    ContainerID: containerId,
    DetachKeys: config.DetachKeys,
    Pid: pid,
  };
}
