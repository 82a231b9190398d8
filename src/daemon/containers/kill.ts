/** `POST /containers/{id}/kill`, `/stop` and `/restart`: signals, and waiting for what they do. */
import { codeOf, SkiffError, wrap } from "../../lib/errors.ts";
import type { TraceContext } from "../../lib/trace.ts";
import { type ContainerRecord, isRunning, withState } from "./container.ts";
import { handleExit } from "./exit.ts";
import { type Parts, publish } from "./parts.ts";
import { giveUpRestart } from "./restart/give-up.ts";
import { parseSignal, SIGKILL, SIGTERM } from "./signals.ts";
import { startContainer } from "./start.ts";

const DEFAULT_TIMEOUT_S = 10;
/** After SIGKILL: the kernel is at work. */
const KILL_TIMEOUT_MS = 10_000;

function stopSignalOf({ config }: ContainerRecord): number {
  return config.StopSignal === undefined || config.StopSignal === ""
    ? SIGTERM
    : parseSignal(config.StopSignal);
}

async function send(parts: Parts, container: ContainerRecord, signal: number): Promise<void> {
  const { id } = container;
  try {
    await parts.tasks.kill(id, "", signal);
  } catch (error) {
    if (codeOf(error) !== "not_found") throw wrap(error, `cannot kill container: ${id}`);
    // Its exit has not reached us, or the task has gone with a crash: look.
    const state = await parts.tasks.state(id, "");
    if (state === undefined || state.status === "stopped")
      await handleExit(parts, id, state ?? { exitStatus: 137, exitedAtNs: 0n });
  }
  publish(parts, container, "kill", { signal: String(signal) });
  // A frozen process gets its signal when it thaws.
  if (container.state.status === "paused") await parts.controls.resume(id).catch(() => {});
}

/** Sends and waits for the exit to be written down. False when the time is up; -1 ms waits for ever. */
async function sendAndWait(
  parts: Parts,
  container: ContainerRecord,
  signal: number,
  timeoutMs: number,
): Promise<boolean> {
  const forget = new AbortController();
  const exited = parts.waiters.next(container.id, "exit", forget.signal).then(() => true);
  const timeout = Promise.withResolvers<boolean>();
  const timer = timeoutMs < 0 ? undefined : setTimeout(() => timeout.resolve(false), timeoutMs);
  try {
    await send(parts, container, signal);
    return await Promise.race([exited, timeout.promise]);
  } finally {
    clearTimeout(timer);
    forget.abort();
  }
}

/** SIGKILL, and wait until it is gone. */
export async function killNow(parts: Parts, id: string): Promise<void> {
  const container = parts.registry.find(id);
  if (container === undefined || !isRunning(container)) return;
  if (!(await sendAndWait(parts, container, SIGKILL, KILL_TIMEOUT_MS)))
    throw new SkiffError("deadline_exceeded", `tried to kill container, but did not receive an exit event`);
}

/** @throws conflict when it does not run. SIGKILL returns after the exit, others at once. */
export async function killContainer(parts: Parts, reference: string, signalText: string): Promise<void> {
  const signal = signalText === "" ? SIGKILL : parseSignal(signalText);
  const { id, config } = parts.registry.get(reference);
  // As dockerd: where nobody has named a stop signal, every signal of the user's is the last.
  const ends =
    signal === SIGKILL || (config.StopSignal ?? "") === "" || parseSignal(config.StopSignal!) === signal;
  if (ends && (await giveUpRestart(parts, id))) return;
  const container = parts.registry.get(id);
  const restarting = container.state.status === "restarting";
  if (!isRunning(container) && !restarting)
    throw new SkiffError("conflict", `cannot kill container: ${reference}: container ${id} is not running`);
  const marked = ends ? { stoppedByUser: true, exitOnNext: true } : { stoppedByUser: true };
  parts.registry.change(id, (now) => withState(now, marked));
  // Nobody is there to get it.
  if (restarting) return;
  if (signal === SIGKILL) await killNow(parts, id);
  else await send(parts, container, signal);
}

export interface StopOptions {
  /** "" for the container's own. */
  readonly signal: string;
  /** Seconds; undefined: the container's own, -1: for ever. */
  readonly timeout: number | undefined;
}

async function stopRunning(parts: Parts, container: ContainerRecord, options: StopOptions): Promise<void> {
  const signal = options.signal === "" ? stopSignalOf(container) : parseSignal(options.signal);
  const seconds = options.timeout ?? container.config.StopTimeout ?? DEFAULT_TIMEOUT_S;
  if (!(await sendAndWait(parts, container, signal, seconds < 0 ? -1 : seconds * 1000)))
    await killNow(parts, container.id);
  publish(parts, container, "stop");
}

/** @throws not_modified when it does not run. */
export async function stopContainer(parts: Parts, reference: string, options: StopOptions): Promise<void> {
  const { id } = parts.registry.get(reference);
  if (options.signal !== "") parseSignal(options.signal);
  if (await giveUpRestart(parts, id)) {
    publish(parts, parts.registry.get(id), "stop");
    return;
  }
  const container = parts.registry.get(id);
  if (!isRunning(container)) throw new SkiffError("not_modified", `container ${id} is already stopped`);
  parts.registry.change(id, (now) => withState(now, { stoppedByUser: true, exitOnNext: true }));
  await stopRunning(parts, container, options);
}

export async function restartContainer(
  parts: Parts,
  reference: string,
  options: StopOptions,
  trace?: TraceContext,
): Promise<void> {
  const { id } = parts.registry.get(reference);
  const keep = parts.registry.get(id).hostConfig.AutoRemove;
  try {
    // A container with --rm outlives a restart.
    if (keep)
      parts.registry.change(id, (now) => ({ ...now, hostConfig: { ...now.hostConfig, AutoRemove: false } }));
    await stopContainer(parts, id, options).catch((error: unknown) => {
      if (codeOf(error) !== "not_modified") throw error;
    });
  } finally {
    if (keep)
      parts.registry.change(id, (now) => ({ ...now, hostConfig: { ...now.hostConfig, AutoRemove: true } }));
  }
  await startContainer(parts, id, trace);
  publish(parts, parts.registry.get(id), "restart");
}
