/**
 * The event bus: every mutation of containerd's state is published here, and clients follow it by Events.Subscribe.
 *
 * An event is never lost by a slow subscriber's fault alone: each has its own queue, and one whose queue outgrows QUEUE_MAX is cut
 * off with `resource_exhausted`, so that it knows and may resubscribe.
 */

import type { Message, MessageInitShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Any } from "@bufbuild/protobuf/wkt";

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
  /** Passes on what somebody else has published. */
  forward(envelope: Envelope): void;
  /** Everything from now on, in order. The listener must not throw. Returns the unsubscriber. */
  subscribe(listener: (envelope: Envelope) => void): () => void;
}
