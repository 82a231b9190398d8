/** What the Task service reports, published under containerd's topics with containerd's payloads. */
import {
  TaskCreateSchema,
  TaskDeleteSchema,
  TaskExecAddedSchema,
  TaskExecStartedSchema,
  TaskExitSchema,
  TaskOOMSchema,
  TaskPausedSchema,
  TaskResumedSchema,
  TaskStartSchema,
} from "../../contracts/containerd/gen/events_pb.ts";
import type { TaskEvent, TaskService } from "../../contracts/shim/task.ts";
import type { EventBus } from "./events.ts";
import { timestampOf } from "./timestamps.ts";

function publish(bus: EventBus, event: TaskEvent): void {
  const { namespace, topic, id: containerId } = event;
  if (topic === "/tasks/create") {
    const { bundle, pid, stdio: io } = event;
    bus.publish(namespace, topic, TaskCreateSchema, { containerId, bundle, pid, io });
  } else if (topic === "/tasks/start") {
    bus.publish(namespace, topic, TaskStartSchema, { containerId, pid: event.pid });
  } else if (topic === "/tasks/exec-added") {
    bus.publish(namespace, topic, TaskExecAddedSchema, { containerId, execId: event.execId });
  } else if (topic === "/tasks/exec-started") {
    const { execId, pid } = event;
    bus.publish(namespace, topic, TaskExecStartedSchema, { containerId, execId, pid });
  } else if (topic === "/tasks/exit" || topic === "/tasks/delete") {
    const { pid, exitStatus, exitedAtNs } = event.exit;
    const payload = { containerId, pid, exitStatus, exitedAt: timestampOf(exitedAtNs) };
    const id = event.execId === "" ? containerId : event.execId;
    if (topic === "/tasks/exit") bus.publish(namespace, topic, TaskExitSchema, { ...payload, id });
    // As containerd's shim: of init only, and without an id.
    else if (event.execId === "") bus.publish(namespace, topic, TaskDeleteSchema, payload);
  } else if (topic === "/tasks/oom") bus.publish(namespace, topic, TaskOOMSchema, { containerId });
  else if (topic === "/tasks/paused") bus.publish(namespace, topic, TaskPausedSchema, { containerId });
  else bus.publish(namespace, topic, TaskResumedSchema, { containerId });
}

/** Answers the unsubscriber. */
export function forwardTaskEvents(tasks: TaskService, bus: EventBus): () => void {
  return tasks.onEvent((event) => publish(bus, event));
}
