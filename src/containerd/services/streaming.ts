/** Streams that clients open for other calls to use; core/streams.ts says how they are meant. */
import { create, fromBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema, EmptySchema } from "@bufbuild/protobuf/wkt";
import { packAny } from "../../contracts/containerd/any.ts";
import { StreamInitSchema, Streaming } from "../../contracts/containerd/gen/streaming_pb.ts";
import { SkiffError } from "../../lib/errors.ts";
import { implement } from "../../wire/h2/server.ts";
import { namespaceOf } from "../core/context.ts";
import type { AnyStream, StreamRegistry } from "../core/streams.ts";

/** One open stream: what the server sends waits here for the RPC to take it, one message at a time. */
class OpenStream implements AnyStream {
  private outgoing: { message: Any; taken: () => void } | undefined;
  private wake = () => {};
  private over = false;
  private gone = false;
  /** Senders that wait for the place of `outgoing`. */
  private readonly waiters: (() => void)[] = [];

  constructor(private readonly incoming: AsyncIterator<Any>) {}

  async send(message: Any): Promise<void> {
    while (this.outgoing !== undefined && !this.gone) await this.takenOrGone();
    if (this.over || this.gone) throw new SkiffError("unavailable", "stream closed");
    await new Promise<void>((taken) => {
      this.outgoing = { message, taken };
      this.wake();
    });
    if (this.gone) throw new SkiffError("unavailable", "stream closed");
  }

  async receive(): Promise<Any | undefined> {
    const { done, value } = await this.incoming.next();
    return done === true ? undefined : value;
  }

  close(): void {
    this.over = true;
    this.wake();
  }

  /** The client is gone: nothing more can be sent. */
  abandon(): void {
    this.gone = true;
    this.outgoing?.taken();
    this.wake();
    this.admit();
  }

  async *messages(): AsyncGenerator<Any> {
    for (;;) {
      const next = this.outgoing;
      if (next !== undefined) {
        yield next.message;
        this.outgoing = undefined;
        next.taken();
        this.admit();
      } else if (this.over || this.gone) return;
      else {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    }
  }

  private admit(): void {
    for (const resolve of this.waiters.splice(0)) resolve();
  }

  private takenOrGone(): Promise<void> {
    return new Promise((resolve) => this.waiters.push(resolve));
  }
}

export interface StreamingParts {
  readonly registry: StreamRegistry;
  readonly service: ReturnType<typeof implement>;
}

export function createStreaming(): StreamingParts {
  const open = new Map<string, OpenStream>();
  const keyOf = (namespace: string, id: string) => `${namespace}/${id}`;
  const service = implement(Streaming, {
    async *stream(requests, context) {
      const namespace = namespaceOf(context);
      const incoming = requests[Symbol.asyncIterator]();
      const first = await incoming.next();
      if (first.done === true || !first.value.typeUrl.endsWith(StreamInitSchema.typeName)) {
        throw new SkiffError("invalid_argument", "stream: first message must be StreamInit");
      }
      const { id } = fromBinary(StreamInitSchema, first.value.value);
      const key = keyOf(namespace, id);
      if (id === "" || open.has(key))
        throw new SkiffError("already_exists", `stream "${id}": already exists`);
      const stream = new OpenStream(incoming);
      context.signal.addEventListener("abort", () => stream.abandon());
      open.set(key, stream);
      try {
        yield packAny(EmptySchema, {});
        for await (const message of stream.messages()) yield create(AnySchema, message);
      } finally {
        open.delete(key);
        stream.abandon();
      }
    },
  });
  const registry: StreamRegistry = {
    get(namespace, id) {
      const stream = open.get(keyOf(namespace, id));
      if (stream === undefined) throw new SkiffError("not_found", `stream "${id}": not found`);
      return stream;
    },
  };
  return { registry, service };
}
