/**
 * Bulk bytes over containerd's streams (core/transfer/streaming of containerd): `Data` messages one way, `WindowUpdate` the other.
 *
 * The receiver grants bytes, the sender sends at most so many. Messages stay small, as Go's receivers expect. The end of the bytes is the end of the
 * stream: of the client's side for what it sends, of the RPC for what we send.
 */
import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { packAny } from "../../../contracts/containerd/any.ts";
import { DataSchema, WindowUpdateSchema } from "../../../contracts/containerd/gen/transfer_pb.ts";
import { SkiffError } from "../../../lib/errors.ts";
import type { AnyStream } from "../../core/streams.ts";

const WINDOW = 1024 * 1024;
const MESSAGE_BYTES_MAX = 32 * 1024;

const isOf = (message: Any, name: string) =>
  message.typeUrl.slice(message.typeUrl.lastIndexOf("/") + 1) === name;

/** @throws invalid_argument for other messages, data_loss when the sender exceeds its window */
export async function* receiveBytes(stream: AnyStream): AsyncGenerator<Uint8Array> {
  let window = 0;
  try {
    for (;;) {
      if (window <= WINDOW / 2) {
        await stream.send(packAny(WindowUpdateSchema, { update: WINDOW - window }));
        window = WINDOW;
      }
      const message = await stream.receive();
      if (message === undefined) return;
      if (!isOf(message, DataSchema.typeName))
        throw new SkiffError("invalid_argument", `byte stream: unexpected message ${message.typeUrl}`);
      const { data } = fromBinary(DataSchema, message.value);
      window -= data.length;
      if (window < 0) throw new SkiffError("data_loss", "byte stream: sender exceeded its window");
      yield data;
    }
  } finally {
    stream.close();
  }
}

export interface ByteSender {
  /** Resolves when the bytes are out. @throws unavailable when the receiver is gone */
  write(bytes: Uint8Array): Promise<void>;
  close(): void;
}

class Sender implements ByteSender {
  #window = 0;
  #gone = false;
  #wake = () => {};

  constructor(private readonly stream: AnyStream) {
    this.#watch().catch(() => {});
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      while (this.#window <= 0 && !this.#gone)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      if (this.#gone) throw new SkiffError("unavailable", "byte stream: receiver is gone");
      const size = Math.min(bytes.length - at, this.#window, MESSAGE_BYTES_MAX);
      this.#window -= size;
      await this.stream.send(packAny(DataSchema, { data: bytes.subarray(at, at + size) }));
      at += size;
    }
  }

  close(): void {
    this.stream.close();
  }

  async #watch(): Promise<void> {
    try {
      for (;;) {
        const message = await this.stream.receive();
        if (message === undefined) return;
        if (isOf(message, WindowUpdateSchema.typeName))
          this.#window += Math.max(fromBinary(WindowUpdateSchema, message.value).update, 0);
        this.#wake();
      }
    } finally {
      this.#gone = true;
      this.#wake();
    }
  }
}

export function byteSender(stream: AnyStream): ByteSender {
  return new Sender(stream);
}
