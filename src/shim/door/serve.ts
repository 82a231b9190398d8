/** The daemon behind the door: one process for all containers of one containerd and namespace, where containerd's own shim takes one each. */
import { chmodSync, rmSync } from "node:fs";
import type { TaskService, TaskServiceParts } from "../../contracts/shim/task.ts";
import { openInit } from "../../kernel/init.ts";
import { systemClock } from "../../lib/clock.ts";
import { randomIds } from "../../lib/ids.ts";
import { createTracer } from "../../lib/trace.ts";
import { createTtrpcServer } from "../../wire/ttrpc/server.ts";
import { forwardEvents } from "./events.ts";
import type { DoorOptions } from "./options.ts";
import { TASK_SERVICES, taskDoor } from "./service.ts";

/** Runs until the last task is gone and containerd asks for the end. */
export async function serve(
  options: DoorOptions,
  createTaskService: (parts: TaskServiceParts) => TaskService,
): Promise<void> {
  const clock = systemClock;
  const tracer = createTracer({ layer: "shim", nowNs: () => clock.nowNs(), hex: (n) => randomIds.hex(n) });
  const tasks = createTaskService({ stateDir: options.stateDir, initPath: openInit(), tracer, clock });
  const told = forwardEvents(tasks, process.env["TTRPC_ADDRESS"] ?? `${options.address}.ttrpc`, clock);
  await tasks.recover();
  const over = Promise.withResolvers<void>();
  const implementation = taskDoor({ tasks, namespace: options.namespace, leave: over.resolve });
  const server = createTtrpcServer(TASK_SERVICES.map((name) => ({ name, implementation })));
  rmSync(options.socket, { force: true });
  const mask = process.umask(0o177);
  server.listen(options.socket);
  process.umask(mask);
  chmodSync(options.socket, 0o600);
  // containerd ends its shims itself: a signal to its process group must not.
  process.on("SIGTERM", () => {});
  process.on("SIGINT", () => {});
  await over.promise;
  rmSync(options.socket, { force: true });
  await told();
  // The answer to Shutdown goes out first.
  await Bun.sleep(10);
  server.close();
}
