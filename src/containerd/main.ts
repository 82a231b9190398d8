/** skiff-containerd: flags → lock → database → services → socket, and the same backwards at SIGTERM. */
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Exit, TaskServiceFactory } from "../contracts/shim/task.ts";
import { openInit } from "../kernel/init.ts";
import { linuxKernel } from "../kernel/linux.ts";
import { holdLockFile } from "../kernel/lock-file.ts";
import { writeStderr, writeStdout } from "../kernel/stdout.ts";
import { systemClock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import { randomIds } from "../lib/ids.ts";
import { createTracer } from "../lib/trace.ts";
import { createGrpcServer } from "../wire/h2/server.ts";
import { createEventBus } from "./core/events.ts";
import { type DeadTask, forwardTaskEvents, publishDeath } from "./core/task-events.ts";
import { openDatabase } from "./metadata/database.ts";
import { serveShimEvents } from "./plugins/runtimes/events.ts";
import { ForeignTasks } from "./plugins/runtimes/foreign.ts";
import { createRuntimes } from "./plugins/runtimes/runtimes.ts";
import { assemble } from "./plugins.ts";
import { type Options, parseOptions, USAGE } from "./server/options.ts";
import { createStreaming } from "./services/streaming.ts";
import { CONTAINERD_VERSION, REVISION } from "./services/version.ts";

/** How long calls at work may go on after SIGTERM. Waits and subscriptions never end by themselves. */
const GRACE_MS = 500;

/** Resolves at the first SIGTERM or SIGINT. */
function askedToStop(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGTERM", () => resolve());
    process.once("SIGINT", () => resolve());
  });
}

function log(message: string): void {
  writeStderr(`${new Date().toISOString()} skiff-containerd: ${message}\n`);
}

async function serve(options: Options, createTaskService: TaskServiceFactory): Promise<void> {
  const { root, state, address } = options;
  const stopping = askedToStop();
  const taskDir = join(state, "io.containerd.runtime.v2.task");
  mkdirSync(root, { recursive: true, mode: 0o711 });
  mkdirSync(taskDir, { recursive: true, mode: 0o711 });
  mkdirSync(dirname(address), { recursive: true, mode: 0o711 });
  const refusal = (holder: string) => `lock ${root}: in use by another skiff-containerd (pid ${holder})`;
  holdLockFile(linuxKernel, join(root, "lock"), refusal);

  const clock = systemClock;
  const tracer = createTracer({
    layer: "skiff-containerd",
    nowNs: () => clock.nowNs(),
    hex: (n) => randomIds.hex(n),
  });
  const database = openDatabase(join(root, "metadata.db"));
  const events = createEventBus(clock);
  const streaming = createStreaming();
  const own = createTaskService({ stateDir: taskDir, initPath: openInit(), tracer, clock });
  const stopForwarding = forwardTaskEvents(own, events);
  const onDead = (task: DeadTask, exit: Exit) => publishDeath(events, task, exit);
  const tasks = createRuntimes(own, new ForeignTasks({ stateDir: taskDir, address, log, onDead }));
  const shimEvents = serveShimEvents(address, events);
  const parts = {
    root,
    state: taskDir,
    database,
    events,
    streams: streaming.registry,
    tasks,
    clock,
    ids: randomIds,
    tracer,
    log,
  };
  const { services } = assemble(parts, streaming.service);
  await tasks.recover();

  const onFault = (path: string, error: unknown) =>
    log(`${path}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  const server = createGrpcServer({ services, tracer, onFault });
  // The lock says that whoever made this socket is gone.
  rmSync(address, { force: true });
  const mask = process.umask(0o117);
  server.listen(address);
  process.umask(mask);
  chmodSync(address, 0o660);
  log(`serving on ${address}, pid ${process.pid}`);

  await stopping;
  await server.close(GRACE_MS);
  stopForwarding();
  shimEvents.close();
  rmSync(address, { force: true });
  database.close();
}

/** Runs until SIGTERM or SIGINT; answers the exit code. Containers go on without it. */
export async function main(argv: readonly string[], createTaskService: TaskServiceFactory): Promise<number> {
  if (argv[0] === "layer") return (await import("./plugins/differs/child.ts")).main(argv.slice(1));
  try {
    const options = parseOptions(argv);
    if (options.help || options.version) {
      writeStdout(
        options.help
          ? USAGE
          : `containerd github.com/containerd/containerd ${CONTAINERD_VERSION} ${REVISION}\n`,
      );
      return 0;
    }
    await serve(options, createTaskService);
    return 0;
  } catch (error) {
    writeStderr(`skiff-containerd: ${messageOf(error)}\n`);
    return 1;
  }
}
