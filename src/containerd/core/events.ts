/**
 * The event bus: every mutation of containerd's state is published here, and clients follow it by Events.Subscribe.
 *
 * Delivery is synchronous and in order: when a mutation's call is answered, its event is in every subscriber's queue.
 */
import type { Message, MessageInitShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Any } from "@bufbuild/protobuf/wkt";
import { packAny } from "../../contracts/containerd/any.ts";
import type { Clock } from "../../lib/clock.ts";

export interface Envelope {
  readonly timestampNs: bigint;
  readonly namespace: string;
  readonly topic: string;
  readonly event: Any | undefined;
}

export interface EventBus {
  /** Publishes a payload under a topic (`/images/create`), now. */
  publish<T extends Message>(
    namespace: string,
    topic: string,
    schema: GenMessage<T>,
    payload: MessageInitShape<GenMessage<T>>,
  ): void;
  /** `publish` of a payload that is packed already. */
  publishAny(namespace: string, topic: string, event: Any): void;
  /** Passes on what somebody else has published. */
  forward(envelope: Envelope): void;
  /** Everything from now on, in order. The listener must not throw. Returns the unsubscriber. */
  subscribe(listener: (envelope: Envelope) => void): () => void;
}

export function createEventBus(clock: Clock): EventBus {
  const listeners = new Set<(envelope: Envelope) => void>();
  const forward = (envelope: Envelope): void => {
    for (const listener of listeners) listener(envelope);
  };
  return {
    forward,
    publishAny(namespace, topic, event) {
      forward({ timestampNs: clock.nowNs(), namespace, topic, event });
    },
    publish(namespace, topic, schema, payload) {
      if (listeners.size === 0) return;
      forward({ timestampNs: clock.nowNs(), namespace, topic, event: packAny(schema, payload) });
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
