/** A container's process has ended: clean up, write it down, tell everybody, and do what its restart policy says. */
import { rfc3339Nano } from "../../lib/clock.ts";
import { type ContainerRecord, isRunning, withState } from "./container.ts";
import { type Parts, publish } from "./parts.ts";
import type { TaskExit } from "./ports.ts";
import { removeStopped } from "./remove.ts";
import { dismantle, startAgain } from "./start.ts";

const RESTART_DELAY_MS = 100;
const RESTART_DELAY_MS_MAX = 60_000;
/** Run for as long as this, and the delays start from the beginning. */
const STABLE_MS = 10_000;

export function mustRestart({ state, hostConfig }: ContainerRecord): boolean {
  const { Name, MaximumRetryCount } = hostConfig.RestartPolicy;
  if (state.stoppedByUser) return false;
  if (Name === "always" || Name === "unless-stopped") return true;
  const triesLeft = MaximumRetryCount === 0 || state.restartCount < MaximumRetryCount;
  return Name === "on-failure" && state.exitCode !== 0 && triesLeft;
}

function scheduleRestart(parts: Parts, container: ContainerRecord): void {
  const { state, id } = container;
  const ranMs = Date.parse(state.finishedAt) - Date.parse(state.startedAt);
  const doublings = ranMs > STABLE_MS ? 0 : Math.min(state.restartCount, 10);
  const delay = Math.min(RESTART_DELAY_MS * 2 ** doublings, RESTART_DELAY_MS_MAX);
  setTimeout(() => {
    const again = () => {
      const now = parts.registry.find(id);
      return now?.state.status === "restarting" ? startAgain(parts, id) : Promise.resolve();
    };
    parts.locks.run(id, again).catch((error: Error) => parts.log(`restart ${id}: ${error.message}`));
  }, delay).unref();
}

/** Takes the container's lock, so that it waits for a start that is not through yet. A second report of one exit does nothing. */
export function handleExit(parts: Parts, id: string, exit: TaskExit): Promise<void> {
  return parts.locks.run(id, async () => {
    const before = parts.registry.find(id);
    if (before === undefined || !isRunning(before)) return;
    await dismantle(parts, id);
    const finishedAt = rfc3339Nano(exit.exitedAtNs === 0n ? parts.clock.nowNs() : exit.exitedAtNs);
    const { exitStatus: exitCode } = exit;
    const ended = withState(before, { status: "exited", pid: 0, exitCode, finishedAt });
    const restart = mustRestart(ended);
    // Read again: a stop or an OOM report may have come meanwhile.
    const container = parts.registry.change(id, (now) =>
      withState(now, { status: restart ? "restarting" : "exited", pid: 0, exitCode, finishedAt }),
    )!;
    const seconds = Math.floor((Date.parse(finishedAt) - Date.parse(before.state.startedAt)) / 1000);
    publish(parts, container, "die", {
      exitCode: String(exitCode),
      execDuration: String(Math.max(0, seconds)),
    });
    parts.volumes.detach(container);
    parts.waiters.notify(id, "exit", { StatusCode: exitCode });
    if (restart) scheduleRestart(parts, container);
    else if (container.hostConfig.AutoRemove) await removeStopped(parts, id, { volumes: true });
  });
}
