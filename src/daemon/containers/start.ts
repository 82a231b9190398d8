/** `POST /containers/{id}/start`, and the start after a restart. */
import { rmSync } from "node:fs";
import { rfc3339Nano } from "../../lib/clock.ts";
import { isSkiffError, SkiffError, wrap } from "../../lib/errors.ts";
import type { TraceContext } from "../../lib/trace.ts";
import { type ContainerRecord, isRunning, withState } from "./container.ts";
import { whenStarted } from "./health/changes.ts";
import { type Parts, publish, runDir, stdioPath } from "./parts.ts";
import type { TaskStdio } from "./ports.ts";
import {
  joinNamespaces,
  lookUpUser,
  makeRunDirectory,
  makeWorkingDirectory,
  prepareMounts,
} from "./prepare.ts";
import { removeStopped } from "./remove.ts";
import { removeShm } from "./shm.ts";
import { buildSpec } from "./spec/build.ts";
import { classifyStartError } from "./start-error.ts";
import { stdioUri } from "./stdio-uri.ts";

/** @throws conflict, not_modified in dockerd's words. */
function checkStartable({ state }: ContainerRecord): void {
  if (state.status === "paused")
    throw new SkiffError("conflict", "cannot start a paused container, try unpause instead");
  if (state.status === "running" || state.status === "restarting")
    throw new SkiffError("not_modified", "container is already running");
  if (state.status === "removing" || state.status === "dead")
    throw new SkiffError("conflict", "container is marked for removal and cannot be started");
}

function stdioOf(parts: Parts, container: ContainerRecord): TaskStdio {
  const { Tty, OpenStdin } = container.config;
  const uri = stdioUri(parts.paths, container);
  return { terminal: Tty, stdin: OpenStdin ? uri : "", stdout: uri, stderr: Tty ? "" : uri };
}

/** Undoes whatever a start has made; every step may find nothing to do. */
export async function dismantle(parts: Parts, id: string): Promise<void> {
  const log = (step: string) => (error: unknown) => parts.log(wrap(error, `${step} ${id}`).message);
  await Promise.all([
    parts.tasks
      .delete(id, "")
      .catch(log("delete task of"))
      .then(() => parts.definitions.remove(id))
      .catch(log("remove definition of")),
    parts.networks.detach(id).catch(log("detach network of")),
    parts.roots.unmount(id).catch(log("unmount")),
  ]);
  removeShm(parts, id);
  rmSync(runDir(parts.paths, id), { recursive: true, force: true });
}

/** Everything up to the created, not yet running task. Answers its pid. */
async function prepareTask(
  parts: Parts,
  container: ContainerRecord,
  trace: TraceContext | undefined,
): Promise<number> {
  const { id, config, hostConfig } = container;
  const { tracer } = parts;
  makeRunDirectory(runDir(parts.paths, id));
  parts.volumes.attach(container);
  const [mounted, attached] = await Promise.allSettled([
    tracer
      .span(trace, "mount root", (context) => parts.roots.mount(id, context))
      .then((root) => {
        makeWorkingDirectory(parts, container, root);
        return { root, user: lookUpUser(parts, root, config.User, hostConfig.GroupAdd ?? []) };
      }),
    tracer.span(trace, "attach network", (context) => parts.networks.attach(container, context)),
  ]);
  // Both have ended, well or not, before anything is undone.
  if (mounted.status === "rejected") throw mounted.reason;
  if (attached.status === "rejected") throw attached.reason;
  const { root, user } = mounted.value;
  const network = attached.value;
  const mounts = prepareMounts(parts, container, root, network);
  const namespaces = joinNamespaces(parts, container, network.netns);
  const spec = tracer.span(trace, "build spec", () =>
    buildSpec({ container, host: parts.host, rootfs: root, user, mounts, namespaces }),
  );
  const definition = { id, image: container.image.reference, runtime: hostConfig.Runtime, spec };
  await tracer.span(trace, "define container", (context) => parts.definitions.put(definition, context));
  const pid = await tracer.span(trace, "create task", (context) =>
    parts.tasks.create(id, stdioOf(parts, container), context).catch((error: unknown) => {
      throw wrap(error, "failed to create task for container");
    }),
  );
  await parts.attachments.connect(id, stdioPath(parts.paths, id));
  return pid;
}

async function fail(parts: Parts, container: ContainerRecord, problem: unknown): Promise<never> {
  const { exitCode, error } = classifyStartError(problem);
  await parts.tasks.kill(container.id, "", 9).catch(() => {});
  await dismantle(parts, container.id);
  parts.volumes.detach(container);
  const gaveUp = container.state.status === "restarting";
  parts.registry.change(container.id, (now) =>
    withState(now, {
      // A policy's start that fails is the last; the exit code stays that of the last run.
      ...(gaveUp ? { status: "exited" as const } : { exitCode }),
      error: error.message,
      pid: 0,
    }),
  );
  if (gaveUp) parts.waiters.notify(container.id, "exit", { StatusCode: container.state.exitCode });
  parts.attachments.fail(container.id, error);
  if (container.hostConfig.AutoRemove) await removeStopped(parts, container.id, { volumes: true });
  throw isSkiffError(problem) && problem.code === "conflict" ? problem : error;
}

async function start(
  parts: Parts,
  container: ContainerRecord,
  trace: TraceContext | undefined,
  restarts: number,
): Promise<void> {
  const { id } = container;
  try {
    await prepareTask(parts, container, trace);
    const pid = await parts.tracer.span(trace, "start task", (context) => parts.tasks.start(id, "", context));
    const started = parts.registry.change(id, (now) =>
      withState(now, {
        status: "running",
        pid,
        exitCode: 0,
        error: "",
        oomKilled: false,
        startedAt: rfc3339Nano(parts.clock.nowNs()),
        stoppedByUser: false,
        exitOnNext: false,
        restartCount: restarts,
        ...whenStarted(now),
      }),
    );
    if (started !== undefined) publish(parts, started, "start");
  } catch (error) {
    await fail(parts, container, error);
  }
}

/**
 * Runs a stopped container. What a failing start has made is gone again when this throws, and the record says why: 127 where the command
 * was not found, 126 where it cannot be executed, 128 otherwise.
 */
export function startContainer(parts: Parts, reference: string, trace?: TraceContext): Promise<void> {
  const { id } = parts.registry.get(reference);
  return parts.locks.run(id, async () => {
    const container = parts.registry.get(id);
    checkStartable(container);
    parts.restarts.forget(id);
    await parts.tracer.span(trace, "start container", (context) => start(parts, container, context, 0));
  });
}

/** The restart policy's start; does nothing when somebody else has started, stopped or removed it meanwhile. The caller holds the lock. */
export async function startAgain(parts: Parts, id: string): Promise<void> {
  const container = parts.registry.find(id);
  if (container?.state.status !== "restarting") return;
  await start(parts, container, undefined, container.state.restartCount);
}

/** Its start with the daemon: the restarts are counted anew. */
export function revive(parts: Parts, id: string): Promise<void> {
  return parts.locks.run(id, async () => {
    const container = parts.registry.find(id);
    if (container === undefined || isRunning(container)) return;
    parts.restarts.forget(id);
    await start(parts, container, undefined, 0);
  });
}
