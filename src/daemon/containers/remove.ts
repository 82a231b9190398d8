/** `DELETE /containers/{id}`. */
import { rmSync } from "node:fs";
import { SkiffError, wrap } from "../../lib/errors.ts";
import { type ContainerRecord, isRunning, withState } from "./container.ts";
import { containerDir, type Parts, publish, runDir } from "./parts.ts";
import { giveUpRestart } from "./restart/give-up.ts";

export interface RemoveOptions {
  /** Its anonymous volumes too. */
  readonly volumes: boolean;
  /** Kill it first. */
  readonly force: boolean;
}

const USED_MS_MAX = 10_000;

/** Anonymous volumes that no other container uses. */
async function discardVolumes(parts: Parts, container: ContainerRecord): Promise<void> {
  const others = parts.registry.all().filter(({ id }) => id !== container.id);
  const used = new Set(others.flatMap(({ mounts }) => mounts.map(({ name }) => name)));
  for (const mount of container.mounts)
    if (mount.anonymous && !used.has(mount.name)) await parts.volumes.discard(mount.name);
}

/**
 * Removes a container that does not run; the caller holds its lock. The record goes last: a crash in between leaves a container that is
 * `removing`, which the next start of skiffd removes for good.
 */
export async function removeStopped(
  parts: Parts,
  id: string,
  options: Pick<RemoveOptions, "volumes">,
): Promise<void> {
  const container = parts.registry.change(id, (now) => withState(now, { status: "removing" }));
  if (container === undefined) return;
  try {
    await parts.roots.unmount(id);
    await parts.roots.remove(id);
  } catch (error) {
    parts.registry.change(id, (now) => withState(now, { status: "dead" }));
    const problem = wrap(error, `unable to remove filesystem for ${id}`);
    // Whoever waits for its end must not wait for ever.
    parts.waiters.notify(id, "removed", {
      StatusCode: container.state.exitCode,
      Error: { Message: problem.message },
    });
    throw problem;
  }
  rmSync(containerDir(parts.paths, id), { recursive: true, force: true });
  rmSync(runDir(parts.paths, id), { recursive: true, force: true });
  parts.registry.remove(id);
  parts.restarts.forget(id);
  if (options.volumes) {
    await discardVolumes(parts, container).catch((error: Error) =>
      parts.log(`remove volumes of ${id}: ${error.message}`),
    );
  }
  publish(parts, container, "destroy");
  const report = { StatusCode: container.state.exitCode };
  parts.waiters.notify(id, "exit", report);
  parts.waiters.notify(id, "removed", report);
}

function refuse(container: ContainerRecord): void {
  const why: Partial<Record<typeof container.state.status, string>> = {
    running: "container is running: stop the container before removing or force remove",
    paused: "container is paused and must be unpaused first",
    restarting: "container is restarting: stop the container before removing or force remove",
  };
  const reason = why[container.state.status];
  if (reason !== undefined)
    throw new SkiffError("conflict", `cannot remove container "/${container.name}": ${reason}`);
}

export async function removeContainer(
  parts: Parts,
  reference: string,
  options: RemoveOptions,
  killNow: (parts: Parts, id: string) => Promise<void>,
): Promise<void> {
  const { id } = parts.registry.get(reference);
  if (options.force) await makeStop(parts, id, killNow);
  await parts.locks.run(id, async () => {
    const container = parts.registry.find(id);
    // --rm was quicker.
    if (container === undefined) return;
    refuse(container);
    await removeStopped(parts, id, options);
  });
}

/** Kills until it does not run; a restart policy may have been quicker once. */
async function makeStop(
  parts: Parts,
  id: string,
  killNow: (parts: Parts, id: string) => Promise<void>,
): Promise<void> {
  const deadline = parts.clock.now() + USED_MS_MAX;
  for (;;) {
    await giveUpRestart(parts, id);
    const container = parts.registry.change(id, (now) =>
      isRunning(now) ? withState(now, { stoppedByUser: true, exitOnNext: true }) : now,
    );
    if (container === undefined) return;
    // It may have ended between the two looks.
    if (!isRunning(container) && container.state.status !== "restarting") return;
    if (parts.clock.now() > deadline)
      throw new SkiffError("deadline_exceeded", `could not kill container: ${id} does not exit`);
    await killNow(parts, id);
  }
}
