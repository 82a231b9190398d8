/** What the Task service reports, published under containerd's topics with containerd's payloads. */
import { packTaskEvent } from "../../contracts/containerd/task-events.ts";
import type { Exit, TaskEvent, TaskService } from "../../contracts/shim/task.ts";
import type { EventBus } from "./events.ts";

function publish(bus: EventBus, event: TaskEvent): void {
  const payload = packTaskEvent(event);
  if (payload !== undefined) bus.publishAny(event.namespace, event.topic, payload);
}

/** Answers the unsubscriber. */
export function forwardTaskEvents(tasks: TaskService, bus: EventBus): () => void {
  return tasks.onEvent((event) => publish(bus, event));
}

export interface DeadTask {
  readonly namespace: string;
  readonly id: string;
}

/** A foreign shim has died: nobody else tells that its container has ended. */
export function publishDeath(bus: EventBus, { namespace, id }: DeadTask, exit: Exit): void {
  publish(bus, { namespace, id, execId: "", topic: "/tasks/exit", exit });
  publish(bus, { namespace, id, execId: "", topic: "/tasks/delete", exit });
}
