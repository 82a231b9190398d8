/**
 * HEALTHCHECK: while a container runs, its command is executed in it again and again.
 *
 *     starting ── succeeds ──► healthy ◄──► unhealthy     (after `Retries` failures in a row; failures in the start period do not count)
 *
 * What is known is forgotten with skiffd, as dockerd forgets it: after a restart a container is `starting` again.
 */

import { FRAME_HEADER_BYTES } from "../../contracts/shim/stdio.ts";
import { rfc3339Nano } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { type ContainerRecord, isRunning } from "./container.ts";
import { completeExecConfig, createExec, startExec } from "./exec.ts";
import type { Execs } from "./execs.ts";
import { type Parts, publish } from "./parts.ts";

export interface HealthResult {
  readonly Start: string;
  readonly End: string;
  readonly ExitCode: number;
  readonly Output: string;
}

export interface Health {
  readonly Status: "starting" | "healthy" | "unhealthy";
  readonly FailingStreak: number;
  /** The newest five. */
  readonly Log: readonly HealthResult[];
}

export interface HealthMonitor {
  /** undefined: it has no check. */
  of(container: ContainerRecord): Health | undefined;
  /** Looks whether the container is to be watched. */
  update(id: string): void;
}

/** Nanoseconds in requests; dockerd's defaults. */
const DEFAULTS = { interval: 30_000, timeout: 30_000, startPeriod: 0, startInterval: 5000, retries: 3 };
const LOG_MAX = 5;
const OUTPUT_BYTES_MAX = 4096;
const SIGKILL = 9;
const TIMED_OUT = -1;

const STARTING: Health = Object.freeze({ Status: "starting", FailingStreak: 0, Log: [] });

interface Check {
  readonly command: readonly string[];
  readonly interval: number;
  readonly timeout: number;
  readonly startPeriod: number;
  readonly startInterval: number;
  readonly retries: number;
}

/** undefined: none, or `NONE`. */
export function checkOf({ config }: ContainerRecord): Check | undefined {
  const { Test = [], Interval, Timeout, StartPeriod, StartInterval, Retries } = config.Healthcheck ?? {};
  const [kind, ...words] = Test ?? [];
  if (kind !== "CMD" && kind !== "CMD-SHELL") return undefined;
  const ms = (ns: number | undefined, byDefault: number) =>
    ns === undefined || ns <= 0 ? byDefault : ns / 1e6;
  return {
    command: kind === "CMD" ? words : [...(config.Shell ?? ["/bin/sh", "-c"]), ...words],
    interval: ms(Interval, DEFAULTS.interval),
    timeout: ms(Timeout, DEFAULTS.timeout),
    startPeriod: ms(StartPeriod, DEFAULTS.startPeriod),
    startInterval: ms(StartInterval, DEFAULTS.startInterval),
    retries: Retries === undefined || Retries <= 0 ? DEFAULTS.retries : Retries,
  };
}

/** The state after one more result. */
export function judge(before: Health, result: HealthResult, check: Check, sinceStartMs: number): Health {
  const Log = [...before.Log, result].slice(-LOG_MAX);
  if (result.ExitCode === 0) return { Status: "healthy", FailingStreak: 0, Log };
  if (before.Status === "starting" && sinceStartMs < check.startPeriod) return { ...before, Log };
  const FailingStreak = before.FailingStreak + 1;
  return { Status: FailingStreak >= check.retries ? "unhealthy" : before.Status, FailingStreak, Log };
}

type ExecParts = Parts & { readonly execs: Execs };

/** Executes the command; its output, cut where it is too long, without frames. */
async function probe(parts: ExecParts, id: string, check: Check): Promise<{ code: number; output: string }> {
  const config = completeExecConfig({ Cmd: check.command, AttachStdout: true, AttachStderr: true });
  const { Id } = createExec(parts, id, config);
  const gone = new AbortController();
  const output: Buffer[] = [];
  let bytes = 0;
  const client = {
    input: (async function* () {})(),
    gone: gone.signal,
    async write(frame: Uint8Array) {
      const payload = frame.subarray(FRAME_HEADER_BYTES);
      if (bytes < OUTPUT_BYTES_MAX) output.push(Buffer.from(payload.subarray(0, OUTPUT_BYTES_MAX - bytes)));
      bytes += payload.length;
    },
  };
  const timer = setTimeout(() => {
    gone.abort();
    parts.tasks.kill(id, Id, SIGKILL).catch(() => {});
  }, check.timeout);
  try {
    const started = await startExec(parts, Id, { detach: false, tty: false, consoleSize: null });
    await started.run(client);
  } finally {
    clearTimeout(timer);
  }
  if (gone.signal.aborted)
    return { code: TIMED_OUT, output: `Health check exceeded timeout (${check.timeout / 1000}s)` };
  const code = parts.execs.find(Id)?.exitCode ?? TIMED_OUT;
  return { code, output: Buffer.concat(output).toString() };
}

export function createHealthMonitor(parts: () => ExecParts): HealthMonitor {
  const states = new Map<string, Health>();
  const watched = new Map<string, AbortController>();

  const once = async (id: string, check: Check, startedMs: number): Promise<void> => {
    const all = parts();
    const Start = rfc3339Nano(all.clock.nowNs());
    const { code, output } = await probe(all, id, check).catch((error: unknown) => ({
      code: TIMED_OUT,
      output: messageOf(error),
    }));
    const container = all.registry.find(id);
    if (container === undefined || container.state.status !== "running") return;
    const result = { Start, End: rfc3339Nano(all.clock.nowNs()), ExitCode: code, Output: output };
    const before = states.get(id) ?? STARTING;
    const after = judge(before, result, check, all.clock.now() - startedMs);
    states.set(id, after);
    if (after.Status !== before.Status) publish(all, container, `health_status: ${after.Status}`);
  };

  const watch = async (id: string, check: Check, end: AbortSignal, startedMs: number): Promise<void> => {
    for (;;) {
      const early =
        states.get(id)?.Status === "starting" && parts().clock.now() - startedMs < check.startPeriod;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(
          resolve,
          early ? Math.min(check.startInterval, check.interval) : check.interval,
        );
        timer.unref();
        end.addEventListener("abort", () => {
          clearTimeout(timer);
          resolve();
        });
      });
      if (end.aborted) return;
      if (parts().registry.find(id)?.state.status === "running") await once(id, check, startedMs);
      if (end.aborted) return;
    }
  };

  return {
    of: (container) =>
      checkOf(container) === undefined ? undefined : (states.get(container.id) ?? STARTING),
    update(id) {
      const container = parts().registry.find(id);
      if (container === undefined || !isRunning(container)) {
        watched.get(id)?.abort();
        watched.delete(id);
        if (container === undefined) states.delete(id);
        return;
      }
      const check = checkOf(container);
      if (check === undefined || watched.has(id)) return;
      states.set(id, STARTING);
      const end = new AbortController();
      watched.set(id, end);
      watch(id, check, end.signal, Date.parse(container.state.startedAt)).catch((error: unknown) =>
        parts().log(`health check of ${id}: ${messageOf(error)}`),
      );
    },
  };
}
