/**
 * Streams beside a transfer (containerd's Streaming service): progress, questions for credentials, an archive's bytes. The client opens one under
 * an id of its own and names the id in the transfer.
 */
import type { Message, MessageInitShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Any } from "@bufbuild/protobuf/wkt";
import { packAny } from "../../contracts/containerd/any.ts";
import { StreamInitSchema } from "../../contracts/containerd/gen/streaming_pb.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { ImageParts } from "./parts.ts";

export interface SideStream {
  readonly id: string;
  /** The caller bounds what it sends: by the receiver's window, or one answer per question. */
  send<T extends Message>(schema: GenMessage<T>, value: MessageInitShape<GenMessage<NoInfer<T>>>): void;
  /** undefined at the stream's end, however it ends: the transfer itself tells what went wrong. */
  receive(): Promise<Any | undefined>;
  /** No more will be sent. */
  end(): void;
  /** Drops the stream at once. */
  close(): void;
}

class Outgoing {
  #queue: Any[] = [];
  #wake = () => {};
  #over = false;

  push(message: Any): void {
    if (this.#over) return;
    this.#queue.push(message);
    this.#wake();
  }

  end(): void {
    this.#over = true;
    this.#wake();
  }

  async *messages(): AsyncGenerator<Any> {
    for (;;) {
      const next = this.#queue.shift();
      if (next !== undefined) yield next;
      else if (this.#over) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}

export function isAny(any: Any, schema: { readonly typeName: string }): boolean {
  return any.typeUrl === schema.typeName || any.typeUrl.endsWith(`/${schema.typeName}`);
}

/** Resolves when the server has registered the stream. */
export async function openSideStream(
  { clients, ids }: Pick<ImageParts, "clients" | "ids">,
  purpose: string,
): Promise<SideStream> {
  const id = `${purpose}-${ids.hex(12)}`;
  const outgoing = new Outgoing();
  const abort = new AbortController();
  outgoing.push(packAny(StreamInitSchema, { id }));
  const incoming = clients.streaming
    .stream(outgoing.messages(), { signal: abort.signal })
    [Symbol.asyncIterator]();
  const first = await incoming.next();
  if (first.done === true) throw new SkiffError("unavailable", `open stream ${purpose}: refused`);
  return {
    id,
    send: (schema, value) => outgoing.push(packAny(schema, value)),
    async receive() {
      try {
        const { done, value } = await incoming.next();
        return done === true ? undefined : value;
      } catch {
        return undefined;
      }
    },
    end: () => outgoing.end(),
    close() {
      outgoing.end();
      abort.abort();
    },
  };
}
