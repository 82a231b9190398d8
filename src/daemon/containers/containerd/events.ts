/** The port `TaskEvents`, over containerd's events service: the subscription that dockerd makes. */
import { fromBinary } from "@bufbuild/protobuf";
import {
  TaskExitSchema,
  TaskOOMSchema,
  TaskPausedSchema,
} from "../../../contracts/containerd/gen/events_pb.ts";
import type { Events } from "../../../contracts/containerd/gen/events_service_pb.ts";
import type { Envelope } from "../../../contracts/containerd/gen/types_pb.ts";
import type { Client } from "../../../wire/h2/api.ts";
import type { TaskEvent, TaskEvents } from "../ports.ts";
import { nanosecondsOf } from "./calls.ts";

function toEvent({ topic, event }: Envelope): TaskEvent | undefined {
  const bytes = event?.value ?? new Uint8Array(0);
  switch (topic) {
    case "/tasks/exit": {
      const { containerId, id, exitStatus, exitedAt } = fromBinary(TaskExitSchema, bytes);
      const execId = id === containerId ? "" : id;
      return { kind: "exit", id: containerId, execId, exitStatus, exitedAtNs: nanosecondsOf(exitedAt) };
    }
    case "/tasks/oom":
      return { kind: "oom", id: fromBinary(TaskOOMSchema, bytes).containerId };
    case "/tasks/paused":
    case "/tasks/resumed": {
      const { containerId } = fromBinary(TaskPausedSchema, bytes);
      return { kind: topic === "/tasks/paused" ? "paused" : "resumed", id: containerId };
    }
    default:
      return undefined;
  }
}

export function createTaskEvents(client: Client<typeof Events>, namespace: string): TaskEvents {
  return {
    async *subscribe(signal) {
      const accepted = Promise.withResolvers<void>();
      accepted.promise.catch(() => {});
      const filters = [`namespace==${namespace},topic~=|^/tasks/|`];
      const stream = client.subscribe({ filters }, { signal, onAccepted: accepted.resolve });
      const envelopes = stream[Symbol.asyncIterator]();
      let next = envelopes.next();
      // A stream that fails before it is accepted says why at the first `next`.
      await Promise.race([accepted.promise, next]);
      yield { kind: "connected" };
      for (let result = await next; result.done !== true; result = await next) {
        next = envelopes.next();
        next.catch(() => {});
        const event = toEvent(result.value);
        if (event !== undefined) yield event;
      }
    },
  };
}
