/** What the Task service reports, published under containerd's topics with containerd's payloads. */
import { packTaskEvent } from "../../contracts/containerd/task-events.ts";
import type { TaskService } from "../../contracts/shim/task.ts";
import type { EventBus } from "./events.ts";

/** Answers the unsubscriber. */
export function forwardTaskEvents(tasks: TaskService, bus: EventBus): () => void {
  return tasks.onEvent((event) => {
    const payload = packTaskEvent(event);
    if (payload !== undefined) bus.publishAny(event.namespace, event.topic, payload);
  });
}
