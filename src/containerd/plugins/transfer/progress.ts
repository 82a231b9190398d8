/**
 * What a transfer tells of itself: containerd's Progress messages.
 *
 * Events: texts of the whole transfer ("Resolving from …", "saved", "Completed …"), and per piece "waiting", "downloading" or "uploading",
 * "complete" or "already exists", and "extracting", "extracted". A piece's name is its ref key (`layer-sha256:…`), its parents the pieces above it.
 * The client reads at its own pace: of a piece's counters only the newest waits for it, so the queue is bounded by the number of pieces.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { packAny } from "../../../contracts/containerd/any.ts";
import {
  type Progress as ProgressMessage,
  ProgressSchema,
} from "../../../contracts/containerd/gen/transfer_pb.ts";
import type { Descriptor } from "../../core/content.ts";
import type { AnyStream } from "../../core/streams.ts";
import { isConfigType, isIndexType, isLayerType, isManifestType } from "./media-types.ts";

const COUNTER_MS = 100;
/** A client that stops reading does not keep the transfer from ending. */
const FLUSH_MS_MAX = 10_000;

/** Name of a piece in progress messages and of its ingest. */
export function refKey({ mediaType, digest }: Pick<Descriptor, "mediaType" | "digest">): string {
  if (isManifestType(mediaType)) return `manifest-${digest}`;
  if (isIndexType(mediaType)) return `index-${digest}`;
  if (isLayerType(mediaType)) return `layer-${digest}`;
  if (isConfigType(mediaType)) return `config-${digest}`;
  return `unknown-${digest}`;
}

interface Message {
  readonly event: string;
  readonly name?: string;
  readonly parents?: readonly string[];
  readonly progress?: number;
  readonly total?: number;
  readonly desc?: Descriptor;
}

export interface Progress {
  /** Of the whole transfer. */
  tell(event: string, name?: string, desc?: Descriptor): void;
  /** A piece's turn has not come. Told once a piece. */
  waiting(desc: Descriptor, parent?: Descriptor): void;
  moving(desc: Descriptor, bytes: number): void;
  complete(desc: Descriptor): void;
  exists(desc: Descriptor): void;
  extracting(desc: Descriptor, bytes: number): void;
  extracted(desc: Descriptor): void;
  /** Sends what waits. */
  finish(): Promise<void>;
}

export const silent: Progress = Object.freeze({
  ...{ tell() {}, waiting() {}, moving() {}, complete() {}, exists() {}, extracting() {}, extracted() {} },
  async finish() {},
});

class StreamProgress implements Progress {
  readonly #queue: Message[] = [];
  readonly #parents = new Map<string, readonly string[]>();
  readonly #told = new Map<string, number>();
  #pump: Promise<void> | undefined;
  #root = "";
  #gone = false;

  constructor(
    private readonly stream: AnyStream,
    private readonly verb: string,
  ) {}

  tell(event: string, name?: string, desc?: Descriptor): void {
    if (this.#root === "" && name !== undefined) this.#root = name;
    this.#push({ event, ...(name === undefined ? {} : { name }), ...(desc === undefined ? {} : { desc }) });
  }

  waiting(desc: Descriptor, parent?: Descriptor): void {
    if (this.#parents.has(desc.digest)) return;
    this.#parents.set(desc.digest, [parent === undefined ? this.#root : refKey(parent)]);
    this.#piece("waiting", desc, 0);
  }

  moving(desc: Descriptor, bytes: number): void {
    this.#counter(this.verb, desc, bytes);
  }

  complete(desc: Descriptor): void {
    this.#piece("complete", desc, desc.size);
  }

  exists(desc: Descriptor): void {
    this.#piece("already exists", desc, desc.size);
  }

  extracting(desc: Descriptor, bytes: number): void {
    this.#counter("extracting", desc, bytes);
  }

  extracted(desc: Descriptor): void {
    this.#piece("extracted", desc, desc.size);
  }

  async finish(): Promise<void> {
    await Promise.race([this.#pump, Bun.sleep(FLUSH_MS_MAX)]);
  }

  /** At most ten a second a piece; the last value may be left out, `complete` follows. */
  #counter(event: string, desc: Descriptor, bytes: number): void {
    const now = performance.now();
    const key = `${event} ${desc.digest}`;
    if (now - (this.#told.get(key) ?? -COUNTER_MS) < COUNTER_MS) return;
    this.#told.set(key, now);
    const waiting = this.#queue.findIndex(
      (queued) => queued.event === event && queued.desc?.digest === desc.digest,
    );
    if (waiting >= 0) this.#queue.splice(waiting, 1);
    this.#piece(event, desc, bytes);
  }

  #piece(event: string, desc: Descriptor, progress: number): void {
    const parents = this.#parents.get(desc.digest) ?? [this.#root];
    this.#push({ event, name: refKey(desc), parents, progress, total: desc.size, desc });
  }

  #push(message: Message): void {
    if (this.#gone) return;
    this.#queue.push(message);
    this.#pump ??= this.#run();
  }

  async #run(): Promise<void> {
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift())
        await this.stream.send(packAny<ProgressMessage>(ProgressSchema, toMessage(next)));
    } catch {
      // Nobody listens: the transfer goes on; whether it should is for its call's signal to say.
      this.#gone = true;
      this.#queue.length = 0;
    }
    this.#pump = undefined;
  }
}

function toMessage(message: Message): MessageInitShape<typeof ProgressSchema> {
  const { event, name = "", parents = [], progress = 0, total = 0, desc } = message;
  return {
    ...{ event, name, parents: [...parents], progress: BigInt(progress), total: BigInt(total) },
    ...(desc === undefined
      ? {}
      : {
          desc: {
            mediaType: desc.mediaType,
            digest: desc.digest,
            size: BigInt(desc.size),
            annotations: { ...desc.annotations },
          },
        }),
  };
}

/** @param verb what pieces do: `downloading`, `uploading` */
export function progressTo(stream: AnyStream, verb: string): Progress {
  return new StreamProgress(stream, verb);
}
