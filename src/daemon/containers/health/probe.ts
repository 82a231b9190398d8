/** Runs a healthcheck's command in its container: an exec like any other, with a bound on its time and its output. */
import { goDuration } from "../../../lib/go-duration.ts";
import type { ContainerRecord } from "../container.ts";
import { completeExecConfig, createExec, type ExecParts, startExec } from "../exec.ts";
import { SIGKILL } from "../signals.ts";
import type { ClientStream } from "../streams.ts";
import { healthMs } from "./health.ts";
import { LimitedOutput } from "./limited-output.ts";
import type { ProbeOutcome } from "./monitors.ts";

const START_MS_MAX = 30_000;

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** Settles as `work` does, or with undefined after so many milliseconds or when the signal is aborted. */
async function within<T>(
  parts: ExecParts,
  work: Promise<T>,
  milliseconds: number,
  gone: AbortSignal,
): Promise<T | undefined> {
  const over = Promise.withResolvers<undefined>();
  const stop = () => over.resolve(undefined);
  const cancel = parts.timers.after(milliseconds, stop);
  gone.addEventListener("abort", stop);
  if (gone.aborted) stop();
  // Whoever no longer waits must not be told of its failure either.
  work.catch(() => {});
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    cancel();
    gone.removeEventListener("abort", stop);
  }
}

/** @throws when it cannot be started */
export async function runProbe(
  parts: ExecParts,
  container: ContainerRecord,
  command: readonly string[],
  gone: AbortSignal,
): Promise<ProbeOutcome> {
  const { id } = container;
  const asked = completeExecConfig({ AttachStdout: true, AttachStderr: true, Cmd: command });
  const { Id: execId } = createExec(parts, id, asked);
  const starting = startExec(parts, execId, { detach: false, tty: false, consoleSize: null, raw: true });
  // The time to start it is ours, not the probe's: it has a bound of its own.
  const exec = await within(parts, starting, START_MS_MAX, gone);
  if (exec === undefined) throw new Error(`timed out starting health check for container ${id}`);
  const output = new LimitedOutput();
  const hangUp = new AbortController();
  const client: ClientStream = {
    input: nothing(),
    write: async (bytes) => output.push(bytes),
    gone: hangUp.signal,
  };
  const run = exec.run(client).then(() => "done" as const);
  const timeoutMs = healthMs(container.config.Healthcheck ?? {}, "Timeout");
  if ((await within(parts, run, timeoutMs, gone)) === undefined) {
    await parts.tasks.kill(id, execId, SIGKILL).catch(() => {});
    // A child of the probe may hold its output open: nobody listens any more.
    hangUp.abort();
    await run.catch(() => {});
    const said = output.text === "" ? "" : `: ${output.text}`;
    return { exitCode: -1, output: `Health check exceeded timeout (${goDuration(timeoutMs)})${said}` };
  }
  const { exitCode } = parts.execs.get(execId);
  if (exitCode === null) throw new Error(`healthcheck for container ${id} has no exit code`);
  return { exitCode, output: output.text };
}
