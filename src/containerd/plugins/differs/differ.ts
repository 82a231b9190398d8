/** The differ: what core/diff.ts promises, by child processes (protocol.ts). */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
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

function compressionOf(mediaType: string): Compression {
  if (/[+.]gzip$/.test(mediaType)) return "gzip";
  if (/[+.]zstd$/.test(mediaType)) return "zstd";
  if (/\.tar$/.test(mediaType)) return "none";
  throw new SkiffError("unimplemented", `unsupported diff media type: ${mediaType}`);
}

export function createDiffer({ content, ids, root }: DifferParts): Differ {
  const gate = new Gate();
  const work = join(root, "tmpmounts");
  mkdirSync(work, { recursive: true, mode: 0o700 });

  const run = async (
    make: (target: string) => LayerRequest,
    onRead: (bytes: number) => void,
    onOutput: (bytes: Uint8Array) => Promise<void>,
  ): Promise<Result> => {
    using _place = await gate.enter();
    const target = mkdtempSync(join(work, "layer-"));
    try {
      const child = Bun.spawn(selfCommand("skiff-containerd", ["layer", JSON.stringify(make(target))]), {
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
    } finally {
      // The child's mounts have gone with its namespace.
      rmSync(target, { recursive: true, force: true });
    }
  };

  return {
    async apply(namespace, layer, mounts, onProgress = () => {}) {
      const blob = content.pathOf(namespace, layer.digest);
      const { digest, size } = await run(
        (target) => ({ verb: "apply", blob, mounts, target }),
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
      (target) => ({ verb: "pack", lower, upper, target, compression, latestNs }),
      () => {},
      (piece) => ingest.write(piece),
    );
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
