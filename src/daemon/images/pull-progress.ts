/** From containerd's progress to Docker's: one line per layer and change, and none for layers of an image that was here already. */
import type { Progress } from "../../contracts/containerd/gen/transfer_pb.ts";
import type { ProgressLine } from "../../contracts/engine/image.ts";
import type { Reference } from "../../lib/reference.ts";
import { type Descriptor, isLayer } from "./documents.ts";
import { counted, type LineSink, shortId, status, step } from "./lines.ts";

export interface PullProgress {
  tell(progress: Progress): void;
  /** The transfer is done: what was not told in full is now. */
  complete(layers: readonly Descriptor[]): void;
}

type State = "waiting" | "downloading" | "downloaded" | "extracting" | "done";

/** Parses what names a blob in a progress: its descriptor, or `layer-sha256:…`. */
function layerOf({ name, desc }: Progress): string | undefined {
  if (desc !== undefined && desc.mediaType !== "") return isLayer(desc.mediaType) ? desc.digest : undefined;
  return /^layer-(sha256:[0-9a-f]{64})$/.exec(name)?.[1];
}

/** Lines about layers wait until one of them really comes: of an image that is here already nothing is told. */
class LayerLines {
  readonly #held = new Map<string, ProgressLine>();
  #open = false;

  constructor(private readonly sink: LineSink) {}

  say(digest: string, line: ProgressLine): void {
    if (this.#open) this.sink.line(line);
    else this.#held.set(digest, line);
  }

  open(): void {
    if (this.#open) return;
    this.#open = true;
    for (const line of this.#held.values()) this.sink.line(line);
    this.#held.clear();
  }
}

class Layers {
  readonly #states = new Map<string, State>();
  readonly #lines: LayerLines;

  constructor(sink: LineSink) {
    this.#lines = new LayerLines(sink);
  }

  tell(digest: string, { event, progress, total }: Progress): void {
    if (this.#states.get(digest) === "done") return;
    const text = COUNTED[event];
    if (event === "waiting") this.#seen(digest);
    else if (event === "already exists") this.#say(digest, "done", "Already exists");
    else if (event === "complete") this.#downloaded(digest);
    else if (event === "extracted") this.#finish(digest);
    else if (text !== undefined) {
      this.#seen(digest);
      this.#lines.open();
      this.#states.set(digest, event as State);
      this.#lines.say(digest, counted(shortId(digest), text, Number(progress), Number(total)));
    }
  }

  complete(layers: readonly Descriptor[]): void {
    for (const { digest } of layers) {
      const state = this.#states.get(digest);
      if (state === undefined || state === "done") continue;
      if (state === "waiting" || state === "downloading") this.#downloaded(digest);
      this.#finish(digest);
    }
  }

  #finish(digest: string): void {
    this.#lines.open();
    this.#say(digest, "done", "Pull complete");
  }

  #downloaded(digest: string): void {
    this.#seen(digest);
    this.#lines.open();
    if (this.#states.get(digest) !== "extracting") this.#say(digest, "downloaded", "Download complete");
  }

  #seen(digest: string): void {
    if (!this.#states.has(digest)) this.#say(digest, "waiting", "Pulling fs layer");
  }

  #say(digest: string, state: State, text: string): void {
    if (this.#states.get(digest) === state) return;
    this.#states.set(digest, state);
    this.#lines.say(digest, step(shortId(digest), text));
  }
}

const COUNTED: Readonly<Record<string, string>> = { downloading: "Downloading", extracting: "Extracting" };

export function createPullProgress(reference: Reference, sink: LineSink): PullProgress {
  const layers = new Layers(sink);
  let begun = false;
  const begin = () => {
    if (begun) return;
    begun = true;
    const tag = reference.digest === "" ? reference.tag : reference.digest;
    sink.line(status(`Pulling from ${reference.path}`, tag));
  };
  return {
    tell(progress) {
      if (/^(fetching|pulling) image content/.test(progress.event)) begin();
      const digest = layerOf(progress);
      if (digest === undefined) return;
      begin();
      layers.tell(digest, progress);
    },
    complete(all) {
      begin();
      layers.complete(all);
    },
  };
}
