/** Events to and from clients. */
import { createRegistry, type DescMessage, fromBinary, isFieldSet, type Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { file_events } from "../../contracts/containerd/gen/events_pb.ts";
import { Events } from "../../contracts/containerd/gen/events_service_pb.ts";
import { file_images } from "../../contracts/containerd/gen/images_pb.ts";
import { nanosecondsOf, timestampOf } from "../../contracts/containerd/timestamps.ts";
import { SkiffError } from "../../lib/errors.ts";
import { implement } from "../../wire/h2/server.ts";
import { namespaceOf } from "../core/context.ts";
import type { Envelope, EventBus } from "../core/events.ts";
import { type FieldLookup, mapField, parseFilters } from "../core/filters.ts";

/** Events a subscriber may be behind; more, and it is cut off, so that it knows that it has missed some. */
const QUEUE_MAX = 65_536;
const TOPIC = /^(\/[A-Za-z0-9]+(?:[-._][A-Za-z0-9]+)*)+$/;

const payloads = createRegistry(file_events, file_images);

/** A field of a payload by its proto names: `container_id`, `labels.<key>`, `io.terminal`. */
function payloadField(schema: DescMessage, message: Message, path: readonly string[]): string | undefined {
  const field = schema.fields.find((candidate) => candidate.name === path[0]);
  if (field === undefined) return undefined;
  const rest = path.slice(1);
  if (field.fieldKind === "map") {
    const map = (message as unknown as Record<string, Record<string, string>>)[field.localName]!;
    return mapField(map, rest);
  }
  if (field.fieldKind === "message") {
    if (!isFieldSet(message, field)) return undefined;
    const inner = (message as unknown as Record<string, Message>)[field.localName]!;
    return payloadField(field.message, inner, rest);
  }
  if (field.fieldKind !== "scalar") return undefined;
  const value = reflect(schema, message).get(field);
  return value === "" ? undefined : String(value);
}

/** The lookup of an event; its payload is decoded only when a filter asks for it. */
function lookupOf(envelope: Envelope): FieldLookup {
  return ([field, ...rest]) => {
    if (field === "namespace") return envelope.namespace;
    if (field === "topic") return envelope.topic;
    if (field !== "event" || envelope.event === undefined) return undefined;
    const schema = payloads.getMessage(
      envelope.event.typeUrl.slice(envelope.event.typeUrl.lastIndexOf("/") + 1),
    );
    return schema && payloadField(schema, fromBinary(schema, envelope.event.value), rest);
  };
}

async function* drain(
  queue: Envelope[],
  arrived: () => Promise<void>,
  over: () => boolean,
  leave: () => void,
): AsyncGenerator<object> {
  try {
    for (;;) {
      if (over()) return;
      if (queue.length > QUEUE_MAX) throw new SkiffError("resource_exhausted", "subscriber is too slow");
      const envelope = queue.shift();
      if (envelope === undefined) {
        await arrived();
        continue;
      }
      const { timestampNs, namespace, topic, event } = envelope;
      yield { timestamp: timestampOf(timestampNs), namespace, topic, event };
    }
  } finally {
    leave();
  }
}

/** Subscribes now; events that come before the first is asked for wait in the queue. */
function follow(events: EventBus, filters: readonly string[], signal: AbortSignal): AsyncIterable<object> {
  const filter = parseFilters(filters);
  const queue: Envelope[] = [];
  let wake = () => {};
  const leave = events.subscribe((envelope) => {
    if (queue.length > QUEUE_MAX || !filter(lookupOf(envelope))) return;
    queue.push(envelope);
    wake();
  });
  signal.addEventListener("abort", () => {
    leave();
    wake();
  });
  const arrived = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  return drain(queue, arrived, () => signal.aborted, leave);
}

function checkTopic(topic: string): void {
  if (!TOPIC.test(topic)) throw new SkiffError("invalid_argument", `topic ${JSON.stringify(topic)}: invalid`);
}

export function eventsService(events: EventBus) {
  return implement(Events, {
    subscribe: (request, context) => follow(events, request.filters, context.signal),
    publish(request, context) {
      checkTopic(request.topic);
      const timestampNs = BigInt(Date.now()) * 1_000_000n;
      events.forward({
        timestampNs,
        namespace: namespaceOf(context),
        topic: request.topic,
        event: request.event,
      });
      return {};
    },
    forward(request) {
      const { envelope } = request;
      if (envelope === undefined) throw new SkiffError("invalid_argument", "envelope: required");
      checkTopic(envelope.topic);
      const { namespace, topic, event } = envelope;
      events.forward({ timestampNs: nanosecondsOf(envelope.timestamp), namespace, topic, event });
      return {};
    },
  });
}
