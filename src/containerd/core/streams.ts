/**
 * Streams that clients open beside a call (Streaming.Stream) and name by id in the call: a transfer's progress, its archive's
 * bytes, its questions for credentials.
 *
 * A stream belongs to the namespace it was opened in. The client opens it before it makes the call that names it, so `get` does not
 * wait. Whoever takes a stream closes it; until then the client's RPC stays open.
 */
import type { Any } from "@bufbuild/protobuf/wkt";

export interface AnyStream {
  /** Resolves when the transport has taken the message: awaiting it is the back-pressure. Throws when the client is gone. */
  send(message: Any): Promise<void>;
  /** The client's next message; undefined at its end. */
  receive(): Promise<Any | undefined>;
  /** Ends the server's side: the client's RPC answers ok. May be repeated. */
  close(): void;
}

export interface StreamRegistry {
  /** Throws `not_found`. */
  get(namespace: string, id: string): AnyStream;
}
