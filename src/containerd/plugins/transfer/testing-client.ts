/** A client of the Transfer service with its streams, for tests. */
import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Any } from "@bufbuild/protobuf/wkt";
import { packAny } from "../../../contracts/containerd/any.ts";
import { Images } from "../../../contracts/containerd/gen/images_pb.ts";
import { Snapshots } from "../../../contracts/containerd/gen/snapshots_pb.ts";
import { StreamInitSchema, Streaming } from "../../../contracts/containerd/gen/streaming_pb.ts";
import {
  DataSchema,
  ImageExportStreamSchema,
  ImageImportStreamSchema,
  ImageStoreSchema,
  OCIRegistrySchema,
  type Progress,
  ProgressSchema,
  WindowUpdateSchema,
} from "../../../contracts/containerd/gen/transfer_pb.ts";
import { Transfer } from "../../../contracts/containerd/gen/transfer_service_pb.ts";
import { createChannel, createClient } from "../../../wire/h2/client.ts";

export const NAMESPACE = "test";

/** A client's stream: what it sends, and what came. */
class Queue {
  readonly #items: Any[] = [];
  #wake = () => {};
  #ended = false;

  push(item: Any): void {
    this.#items.push(item);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Any> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) yield item;
      else if (this.#ended) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}

export function connectTransfers(socket: string) {
  const channel = createChannel({ path: socket, metadata: { "containerd-namespace": NAMESPACE } });
  const transfers = createClient(Transfer, channel);
  const streams = createClient(Streaming, channel);

  /** Opens a stream; `onMessage` gets what the server sends. */
  async function open(id: string, onMessage: (message: Any, queue: Queue) => void) {
    const queue = new Queue();
    queue.push(packAny(StreamInitSchema, { id }));
    const answers = streams.stream(queue)[Symbol.asyncIterator]();
    await answers.next();
    const done = (async () => {
      for (let next = await answers.next(); next.done !== true; next = await answers.next())
        onMessage(next.value as Any, queue);
    })();
    done.catch(() => {});
    return { id, queue, done };
  }

  let count = 0;
  async function run(source: Any, destination: Any, signal?: AbortSignal): Promise<Progress[]> {
    const told: Progress[] = [];
    const progress = await open(`progress-${count++}`, (message) => {
      told.push(fromBinary(ProgressSchema, message.value));
    });
    const options = { progressStream: progress.id };
    try {
      await transfers.transfer({ source, destination, options }, signal === undefined ? {} : { signal });
      await progress.done;
    } finally {
      progress.queue.end();
    }
    return told;
  }

  return {
    ...{ transfers, run, open },
    images: createClient(Images, channel),
    snapshots: createClient(Snapshots, channel),
    close: () => channel.close(),
    registry: (reference: string, resolver = {}) => packAny(OCIRegistrySchema, { reference, resolver }),
    store: (value: MessageInitShape<typeof ImageStoreSchema>) =>
      packAny(ImageStoreSchema as GenMessage<never>, value as never),
    async import(bytes: Uint8Array, store: Any): Promise<Progress[]> {
      let at = 0;
      const stream = await open(`import-${count++}`, (message, queue) => {
        let { update } = fromBinary(WindowUpdateSchema, message.value);
        while (update > 0 && at < bytes.length) {
          const data = bytes.subarray(at, at + Math.min(update, 32 * 1024));
          queue.push(packAny(DataSchema, { data }));
          at += data.length;
          update -= data.length;
        }
        if (at >= bytes.length) queue.end();
      });
      return run(packAny(ImageImportStreamSchema, { stream: stream.id }), store);
    },
    async export(store: Any, options = {}): Promise<Buffer> {
      const pieces: Uint8Array[] = [];
      const stream = await open(`export-${count++}`, (message, queue) => {
        const { data } = fromBinary(DataSchema, message.value);
        pieces.push(data);
        queue.push(packAny(WindowUpdateSchema, { update: data.length }));
      });
      stream.queue.push(packAny(WindowUpdateSchema, { update: 64 * 1024 }));
      await run(store, packAny(ImageExportStreamSchema, { stream: stream.id, ...options }));
      await stream.done;
      stream.queue.end();
      return Buffer.concat(pieces);
    },
  };
}
