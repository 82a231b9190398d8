/** The differ: what core/diff.ts promises, by child processes (protocol.ts). */
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { SkiffError } from "../../../lib/errors.ts";
import type { IdSource } from "../../../lib/ids.ts";
import { selfCommand } from "../../../lib/self.ts";
import type { ContentStore, Descriptor } from "../../core/content.ts";
import type { Differ, DiffRequest } from "../../core/diff.ts";
import type { Compression, LayerReport, LayerRequest } from "./protocol.ts";

/** Layers at work at once; more would only wait for the processors. */
const CHILDREN_MAX = 4;
const UNCOMPRESSED = "containerd.io/uncompressed";
const OCI_LAYER = "application/vnd.oci.image.layer.v1.tar";

export interface DifferParts {
  readonly content: ContentStore;
  readonly ids: IdSource;
  /** Of skiff-containerd. */
  readonly root: string;
}

interface Result {
  readonly digest: string;
  readonly size: number;
}

class Gate {
  #free = CHILDREN_MAX;
  readonly #waiting: (() => void)[] = [];

  async enter(): Promise<Disposable> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const leave = () => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    };
    return { [Symbol.dispose]: leave };
  }
}

/** Reads the child's reports until it ends. @throws what the child says, internal when it says nothing */
async function follow(lines: ReadableStream<Uint8Array>, onRead: (bytes: number) => void): Promise<Result> {
  let pending = "";
  let result: Result | undefined;
  const decoder = new TextDecoder();
  for await (const piece of lines) {
    pending += decoder.decode(piece, { stream: true });
    for (let end = pending.indexOf("\n"); end >= 0; end = pending.indexOf("\n")) {
      const line = JSON.parse(pending.slice(0, end)) as LayerReport;
      pending = pending.slice(end + 1);
      if ("error" in line) throw new SkiffError(line.code, line.error);
      if ("read" in line) onRead(line.read);
      else result = line;
    }
  }
  if (result === undefined) throw new SkiffError("internal", "layer process ended without a result");
  return result;
}

/** image-spec layer.md, Docker's image manifest V2.2. Encrypted layers (`+encrypted`) and anything else are nothing a tree can be made of. */
const LAYER_TYPE =
  /^application\/vnd\.(oci\.image\.layer(\.nondistributable)?\.v1\.tar([+.](gzip|zstd))?|docker\.image\.rootfs\.(foreign\.)?diff\.tar(\.(gzip|zstd))?)$/;

function checkLayerType({ mediaType }: Descriptor): void {
  if (!LAYER_TYPE.test(mediaType))
    throw new SkiffError(
      "unimplemented",
      `failed to get stream processor for ${mediaType}: no processor for media-type`,
    );
}

function compressionOf(mediaType: string): Compression {
  if (/[+.]gzip$/.test(mediaType)) return "gzip";
  if (/[+.]zstd$/.test(mediaType)) return "zstd";
  if (/\.tar$/.test(mediaType)) return "none";
  throw new SkiffError("unimplemented", `unsupported diff media type: ${mediaType}: not implemented`);
}

/** Empty directories to mount on; what is mounted is seen by the child alone and goes with it. */
class Targets implements Disposable {
  readonly #paths: string[] = [];

  constructor(private readonly work: string) {}

  make(): string {
    const path = mkdtempSync(join(this.work, "layer-"));
    this.#paths.push(path);
    return path;
  }

  [Symbol.dispose](): void {
    for (const path of this.#paths) rmdirSync(path);
  }
}

/** What a killed containerd left; its children have died with it, and their mounts. */
function sweep(work: string): void {
  for (const name of readdirSync(work)) {
    try {
      rmdirSync(join(work, name));
    } catch {
      // Not ours, or not empty: in nobody's way.
    }
  }
}

export function createDiffer({ content, ids, root }: DifferParts): Differ {
  const gate = new Gate();
  const work = join(root, "tmpmounts");
  mkdirSync(work, { recursive: true, mode: 0o700 });
  sweep(work);

  const run = async (
    make: (targets: Targets) => LayerRequest,
    onRead: (bytes: number) => void,
    onOutput: (bytes: Uint8Array) => Promise<void>,
  ): Promise<Result> => {
    using _place = await gate.enter();
    using targets = new Targets(work);
    const child = Bun.spawn(selfCommand("skiff-containerd", ["layer", JSON.stringify(make(targets))]), {
      stdio: ["ignore", "pipe", "inherit", "pipe"],
    });
    const reports = Bun.file(child.stdio[3] as unknown as number).stream();
    const output = (async () => {
      for await (const piece of child.stdout) await onOutput(piece);
    })();
    try {
      const [result] = await Promise.all([follow(reports, onRead), output]);
      return result;
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  };

  return {
    async apply(namespace, layer, mounts, onProgress = () => {}) {
      checkLayerType(layer);
      const blob = { path: content.pathOf(namespace, layer.digest), digest: layer.digest, size: layer.size };
      const { digest, size } = await run(
        (targets) => ({ verb: "apply", blob, mounts, target: targets.make() }),
        onProgress,
        async () => {},
      );
      onProgress(layer.size);
      return { descriptor: { mediaType: OCI_LAYER, digest, size } };
    },
    diff: (namespace, request) => packInto(namespace, request),
  };

  async function packInto(namespace: string, request: DiffRequest): Promise<Descriptor> {
    const { lower, upper, mediaType, lease } = request;
    const compression = compressionOf(mediaType);
    const epoch = request.sourceDateEpochSeconds;
    const latestNs = epoch === undefined ? "" : String(BigInt(epoch) * 1_000_000_000n);
    const ref = request.ref === "" ? `diff-${ids.hex(16)}` : request.ref;
    using ingest = await content.open(namespace, { ref, total: 0, expected: "" });
    if (ingest.status().offset > 0) await ingest.truncate(0);
    const { digest } = await run(
      (targets) => {
        const both = [targets.make(), targets.make()] as const;
        return { verb: "pack", lower, upper, targets: both, compression, latestNs };
      },
      () => {},
      (piece) => ingest.write(piece),
    ).catch((error: unknown) => {
      // Nobody knows the name we made up.
      ingest.close();
      if (request.ref === "") content.abort(namespace, ref);
      throw error;
    });
    const { offset: size } = ingest.status();
    const labels = { ...request.labels, [UNCOMPRESSED]: digest };
    const committed = ingest.digest();
    try {
      await ingest.commit({ size, expected: "", labels, lease });
    } catch (error) {
      if (!(error instanceof SkiffError) || error.code !== "already_exists") throw error;
      content.update(namespace, committed, labels, false);
    }
    return { mediaType, digest: committed, size };
  }
}
