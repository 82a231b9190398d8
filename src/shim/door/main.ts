/**
 * containerd-shim-skiff-v1: the shim as foreign containerds start it (`io.containerd.skiff.v1`), speaking ttrpc.
 *
 *     containerd ── start ──► this program: finds or starts the daemon, prints `unix:///run/containerd/s/<hash>`, ends
 *     containerd ── ttrpc ──► the daemon: Create, Start, Wait … Delete, Shutdown
 *     containerd ── delete ─► this program, after the daemon has gone: kills and removes what is left, prints a DeleteResponse
 */
import { createHash } from "node:crypto";
import { mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { toBinary } from "@bufbuild/protobuf";
import { DeleteResponseSchema, Task } from "../../contracts/containerd/gen/shim_task_pb.ts";
import type { TaskService, TaskServiceParts } from "../../contracts/shim/task.ts";
import { LOCK } from "../../kernel/constants.ts";
import { linuxKernel } from "../../kernel/linux.ts";
import { writeStderr, writeStdout } from "../../kernel/stdout.ts";
import { codeOf, messageOf, SkiffError } from "../../lib/errors.ts";
import { selfCommand } from "../../lib/self.ts";
import { connectTtrpc, createTtrpcClient, type TtrpcChannel } from "../../wire/ttrpc/client.ts";
import { type DoorOptions, parseDoorOptions } from "./options.ts";
import { serve } from "./serve.ts";
import { TASK_SERVICES } from "./service.ts";

const SOCKETS = "/run/containerd/s";
const START_MS_MAX = 10_000;
const CLEANUP_MS_MAX = 10_000;

function socketOf({ address, namespace }: DoorOptions): string {
  const hash = createHash("sha256").update(`skiff/${address}/${namespace}`).digest("hex");
  return `${SOCKETS}/${hash}`;
}

function startDaemon(options: DoorOptions, socket: string, stateDir: string): void {
  const { namespace, address } = options;
  const flags = ["-namespace", namespace, "-address", address, "-state-dir", stateDir, "-socket", socket];
  const child = Bun.spawn(selfCommand("containerd-shim-skiff-v1", [...flags, "serve"]), {
    // In no container's bundle, and without the pipe that containerd reads to its end.
    cwd: "/",
    detached: true,
    stdio: ["ignore", "ignore", "ignore"],
  });
  child.unref();
}

/** A channel to the daemon, which is started when nobody answers. One at a time: whoever comes second finds the first one's. */
async function reach(options: DoorOptions, bundle: string): Promise<TtrpcChannel> {
  const socket = socketOf(options);
  mkdirSync(SOCKETS, { recursive: true, mode: 0o711 });
  const stateDir = dirname(dirname(bundle));
  // The lock is held until this program ends.
  linuxKernel.flock(openSync(stateDir, "r"), LOCK.EX);
  const found = await connectTtrpc(socket).catch(() => undefined);
  if (found !== undefined) return found;
  startDaemon(options, socket, stateDir);
  for (const deadline = Date.now() + START_MS_MAX; Date.now() < deadline; await Bun.sleep(2)) {
    const channel = await connectTtrpc(socket).catch(() => undefined);
    if (channel !== undefined) return channel;
  }
  throw new SkiffError("deadline_exceeded", `start shim for ${options.namespace}: no answer on ${socket}`);
}

async function start(options: DoorOptions): Promise<void> {
  const channel = await reach(options, process.cwd());
  writeStdout(`unix://${socketOf(options)}`);
  channel.close();
}

/** containerd has lost the shim: what still runs is killed, as containerd expects of a shim that is gone. */
async function cleanUp(options: DoorOptions): Promise<void> {
  const channel = await reach(options, options.bundle);
  const tasks = createTtrpcClient(Task, TASK_SERVICES[0], channel);
  const task = { id: options.id, execId: "" };
  const within = { timeoutMs: CLEANUP_MS_MAX };
  const unlessGone = (error: unknown) => {
    if (codeOf(error) !== "not_found") throw error;
  };
  await tasks.kill({ ...task, signal: 9, all: true }, within).catch(unlessGone);
  await tasks.wait(task, within).catch(unlessGone);
  const gone = await tasks.delete(task, within).catch(unlessGone);
  await tasks.shutdown({ id: options.id }, within);
  const { pid, exitStatus, exitedAt } = gone ?? { pid: 0, exitStatus: 137, exitedAt: undefined };
  const answer = { $typeName: DeleteResponseSchema.typeName, pid, exitStatus, ...(exitedAt && { exitedAt }) };
  writeStdout(toBinary(DeleteResponseSchema, answer));
}

export async function main(
  argv: readonly string[],
  createTaskService: (parts: TaskServiceParts) => TaskService,
): Promise<number> {
  try {
    const options = parseDoorOptions(argv);
    if (options.verb === "serve") await serve(options, createTaskService);
    else if (options.verb === "start") await start(options);
    else await cleanUp(options);
    return 0;
  } catch (error) {
    writeStderr(`containerd-shim-skiff-v1: ${messageOf(error)}\n`);
    return 1;
  }
}
