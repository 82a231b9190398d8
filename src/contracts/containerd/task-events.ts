/** What the Task service reports, as containerd's event payloads; undefined for what containerd does not tell. */
import type { Any } from "@bufbuild/protobuf/wkt";
import type { TaskEvent } from "../shim/task.ts";
import { packAny } from "./any.ts";
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
} from "./gen/events_pb.ts";
import { timestampOf } from "./timestamps.ts";

function packExit(event: TaskEvent & { readonly topic: "/tasks/exit" | "/tasks/delete" }): Any | undefined {
  const { topic, id: containerId, execId } = event;
  const { pid, exitStatus, exitedAtNs } = event.exit;
  const payload = { containerId, pid, exitStatus, exitedAt: timestampOf(exitedAtNs) };
  if (topic === "/tasks/exit")
    return packAny(TaskExitSchema, { ...payload, id: execId === "" ? containerId : execId });
  // As containerd's shim: of init only, and without an id.
  return execId === "" ? packAny(TaskDeleteSchema, payload) : undefined;
}

export function packTaskEvent(event: TaskEvent): Any | undefined {
  const containerId = event.id;
  switch (event.topic) {
    case "/tasks/create": {
      const { bundle, pid, stdio: io } = event;
      return packAny(TaskCreateSchema, { containerId, bundle, pid, io });
    }
    case "/tasks/start":
      return packAny(TaskStartSchema, { containerId, pid: event.pid });
    case "/tasks/exec-added":
      return packAny(TaskExecAddedSchema, { containerId, execId: event.execId });
    case "/tasks/exec-started":
      return packAny(TaskExecStartedSchema, { containerId, execId: event.execId, pid: event.pid });
    case "/tasks/exit":
    case "/tasks/delete":
      return packExit(event);
    case "/tasks/oom":
      return packAny(TaskOOMSchema, { containerId });
    case "/tasks/paused":
      return packAny(TaskPausedSchema, { containerId });
    case "/tasks/resumed":
      return packAny(TaskResumedSchema, { containerId });
  }
}
