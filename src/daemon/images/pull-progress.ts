/** From containerd's progress to Docker's: one line per layer and change, and none for layers of an image that was here already. */
import type { Progress } from "../../contracts/containerd/gen/transfer_pb.ts";
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

export function createPullProgress(reference: Reference, sink: LineSink): PullProgress {
  const states = new Map<string, State>();
  let begun = false;
  const begin = () => {
    if (begun) return;
    begun = true;
    const tag = reference.digest === "" ? reference.tag : reference.digest;
    sink.line(status(`Pulling from ${reference.path}`, tag));
  };
  const say = (digest: string, state: State, text: string) => {
    if (states.get(digest) === state) return;
    states.set(digest, state);
    sink.line(step(shortId(digest), text));
  };
  const seen = (digest: string) => {
    begin();
    if (!states.has(digest)) say(digest, "waiting", "Pulling fs layer");
  };
  const tellLayer = (digest: string, { event, progress, total }: Progress) => {
    const id = shortId(digest);
    const state = states.get(digest);
    if (state === "done") return;
    switch (event) {
      case "waiting":
        seen(digest);
        break;
      case "downloading":
        seen(digest);
        states.set(digest, "downloading");
        sink.line(counted(id, "Downloading", Number(progress), Number(total)));
        break;
      case "complete":
        seen(digest);
        if (state !== "extracting") say(digest, "downloaded", "Download complete");
        break;
      case "already exists":
        begin();
        say(digest, "done", "Already exists");
        break;
      case "extracting":
        seen(digest);
        states.set(digest, "extracting");
        sink.line(counted(id, "Extracting", Number(progress), Number(total)));
        break;
      case "extracted":
        seen(digest);
        say(digest, "done", "Pull complete");
        break;
    }
  };
  return {
    tell(progress) {
      if (/^(fetching|pulling) image content/.test(progress.event)) begin();
      const digest = layerOf(progress);
      if (digest !== undefined) tellLayer(digest, progress);
    },
    complete(layers) {
      begin();
      for (const { digest } of layers) {
        const state = states.get(digest);
        if (state === undefined || state === "done") continue;
        if (state === "waiting" || state === "downloading") say(digest, "downloaded", "Download complete");
        say(digest, "done", "Pull complete");
      }
    },
  };
}
