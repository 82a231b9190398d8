/** Stops a container that is between two runs: by not starting it again. */
import { withState } from "../container.ts";
import type { Parts } from "../parts.ts";

/**
 * False when it is not `restarting`. A start under way holds the lock; the container runs afterwards, and is to be stopped like any other.
 */
export async function giveUpRestart(
  parts: Pick<Parts, "registry" | "locks" | "restarts" | "waiters">,
  id: string,
): Promise<boolean> {
  const waits = () => parts.registry.find(id)?.state.status === "restarting";
  if (!waits()) return false;
  return parts.locks.run(id, async () => {
    if (!waits()) return false;
    parts.restarts.forget(id);
    const ended = parts.registry.change(id, (now) =>
      withState(now, { status: "exited", stoppedByUser: true, exitOnNext: true }),
    )!;
    parts.waiters.notify(id, "exit", { StatusCode: ended.state.exitCode });
    return true;
  });
}
