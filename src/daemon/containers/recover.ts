/**
 * Mends the difference between what skiffd has written down and what there is: at its own start, and whenever containerd has been away.
 *
 * | record          | task              | then |
 * | --------------- | ----------------- | --- |
 * | running, paused | running, paused   | adopted |
 * | running, paused | stopped           | its exit is handled, with the code and the time the supervisor kept |
 * | running, paused | none              | the machine was restarted: exited, 255, as dockerd says |
 * | anything else   | any               | a start was cut off: the task is killed and everything of it undone |
 * | removing        | —                 | removed for good |
 */
import { type ContainerRecord, isRunning, withState } from "./container.ts";
import { handleExit } from "./exit.ts";
import type { Parts } from "./parts.ts";
import type { TaskState } from "./ports.ts";
import { removeStopped } from "./remove.ts";
import { wantsRevival } from "./restart/policy.ts";
import { SIGKILL } from "./signals.ts";
import { isContainerMode } from "./spec/namespaces.ts";
import { dismantle, revive } from "./start.ts";

/** What dockerd says when it cannot know. */
const LOST_EXIT_CODE = 255;

async function mend(parts: Parts, container: ContainerRecord, task: TaskState | undefined): Promise<void> {
  const { id, state } = container;
  if (task === undefined) return handleExit(parts, id, { exitStatus: LOST_EXIT_CODE, exitedAtNs: 0n });
  if (task.status === "stopped") return handleExit(parts, id, task);
  const status = task.status === "paused" ? "paused" : "running";
  if (status !== state.status || task.pid !== state.pid)
    parts.registry.change(id, (now) => withState(now, { status, pid: task.pid }));
}

/** Containers said to run, against the tasks that do. A start or stop under way holds the lock and is waited for. */
export async function reconcile(parts: Parts): Promise<void> {
  const candidates = parts.registry.all().filter(isRunning);
  const tasks = new Map((await parts.tasks.list()).map((task) => [task.id, task]));
  await Promise.all(
    candidates.map(async ({ id }) => {
      const now = parts.registry.find(id);
      if (now === undefined || !isRunning(now)) return;
      // Not in the list, but perhaps since: ask for this one.
      const task = tasks.get(id) ?? (await parts.tasks.state(id, ""));
      await mend(parts, now, task);
    }),
  );
}

async function undo(parts: Parts, id: string): Promise<void> {
  await parts.tasks.kill(id, "", SIGKILL).catch(() => {});
  await waitStopped(parts, id);
  await dismantle(parts, id);
}

const STOP_TRIES = 200;
const STOP_PAUSE_MS = 10;

async function waitStopped(parts: Parts, id: string): Promise<void> {
  for (let attempt = 0; attempt < STOP_TRIES; attempt += 1) {
    const task = await parts.tasks.state(id, "");
    if (task === undefined || task.status === "stopped") return;
    await Bun.sleep(STOP_PAUSE_MS);
  }
}

/** Once, at skiffd's start, before it answers anybody. */
export async function recoverContainers(parts: Parts): Promise<void> {
  const problem = (id: string) => (error: Error) => parts.log(`recover ${id}: ${error.message}`);
  const all = parts.registry.all();
  const [tasks, definitions] = await Promise.all([parts.tasks.list(), parts.definitions.list()]);
  await parts.networks.recover(all.filter(isRunning));
  const left = new Set([...tasks.map(({ id }) => id), ...definitions]);
  for (const id of left) {
    const container = parts.registry.find(id);
    if (container === undefined || !isRunning(container)) await undo(parts, id).catch(problem(id));
  }
  for (const { id, state } of all) {
    if (isRunning(parts.registry.find(id)!) || left.has(id)) continue;
    // Mounted, and killed before the definition was written.
    await dismantle(parts, id).catch(problem(id));
    if (state.status === "removing" || state.status === "dead")
      await removeStopped(parts, id, { volumes: false }).catch(problem(id));
  }
  await reconcile(parts);
  await resumeAll(parts, (container) => resume(parts, container).catch(problem(container.id)));
  parts.restarts.open();
}

const STARTS_AT_ONCE = 8;

/** Oldest first; those that join another's namespaces after all others, or there would be nothing to join. */
async function resumeAll(parts: Parts, each: (container: ContainerRecord) => Promise<void>): Promise<void> {
  const joins = ({ hostConfig }: ContainerRecord) =>
    [hostConfig.NetworkMode, hostConfig.IpcMode, hostConfig.PidMode].some(isContainerMode);
  const all = parts.registry.all().toReversed();
  const alone = all.filter((container) => !joins(container));
  const worker = async () => {
    for (let next = alone.shift(); next !== undefined; next = alone.shift()) await each(next);
  };
  await Promise.all(Array.from({ length: STARTS_AT_ONCE }, worker));
  for (const container of all.filter(joins)) await each(container);
}

/** What a restart policy, or --rm, had still to do. */
async function resume(parts: Parts, container: ContainerRecord): Promise<void> {
  const { id, state, hostConfig } = container;
  if (wantsRevival(container)) await revive(parts, id);
  else if (state.status === "exited" && hostConfig.AutoRemove)
    await parts.locks.run(id, () => removeStopped(parts, id, { volumes: true }));
}
