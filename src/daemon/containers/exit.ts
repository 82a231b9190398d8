/** A container's process has ended: clean up, write it down, tell everybody, and do what its restart policy says. */
import { rfc3339Nano } from "../../lib/clock.ts";
import { type ContainerRecord, isRunning, withState } from "./container.ts";
import { whenHalted } from "./health/changes.ts";
import { type Parts, publish } from "./parts.ts";
import type { TaskExit } from "./ports.ts";
import { removeStopped } from "./remove.ts";
import { shouldRestart } from "./restart/policy.ts";
import { dismantle, startAgain } from "./start.ts";

function scheduleRestart(parts: Parts, { id, state }: ContainerRecord): void {
  const ranMs = Date.parse(state.finishedAt) - Date.parse(state.startedAt);
  parts.restarts.schedule(id, ranMs, () => {
    parts.locks
      .run(id, () => startAgain(parts, id))
      .catch((error: Error) => parts.log(`restart ${id}: ${error.message}`));
  });
}

/** Takes the container's lock, so that it waits for a start that is not through yet. A second report of one exit does nothing. */
export function handleExit(parts: Parts, id: string, exit: TaskExit): Promise<void> {
  return parts.locks.run(id, async () => {
    const before = parts.registry.find(id);
    if (before === undefined || !isRunning(before)) return;
    const finishedAt = rfc3339Nano(exit.exitedAtNs === 0n ? parts.clock.nowNs() : exit.exitedAtNs);
    const { exitStatus: exitCode } = exit;
    // The newest record decides: a stop or an OOM report may have come meanwhile.
    const container = parts.registry.change(id, (now) => {
      const ended = withState(now, { status: "exited", pid: 0, exitCode, finishedAt, ...whenHalted(now) });
      if (!shouldRestart(ended)) return ended;
      return withState(ended, { status: "restarting", restartCount: ended.state.restartCount + 1 });
    })!;
    const restart = container.state.status === "restarting";
    const seconds = Math.floor((Date.parse(finishedAt) - Date.parse(before.state.startedAt)) / 1000);
    publish(parts, container, "die", {
      exitCode: String(exitCode),
      execDuration: String(Math.max(0, seconds)),
    });
    // dockerd tells of the death first, then of the networks it leaves.
    await dismantle(parts, id);
    parts.volumes.detach(container);
    parts.waiters.notify(id, "exit", { StatusCode: exitCode });
    if (restart) scheduleRestart(parts, container);
    else if (container.hostConfig.AutoRemove) await removeStopped(parts, id, { volumes: true });
  });
}
