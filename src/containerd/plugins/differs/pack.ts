/** Child process: what a tree changed, as a layer on stdout, hashed before it is compressed. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createGzip, createZstdCompress } from "node:zlib";
import { linuxKernel } from "../../../kernel/linux.ts";
import { writeStdout } from "../../../kernel/stdout.ts";
import { type PackOptions, packTree } from "../../../kernel/tree/pack.ts";
import { compareTrees } from "./compare.ts";
import { layersOf, leaveMountNamespace, openDirectory, openMounted, overlayDirectories } from "./mounted.ts";
import type { LayerRequest } from "./protocol.ts";
import { report } from "./protocol.ts";

type PackRequest = Extract<LayerRequest, { readonly verb: "pack" }>;

function compressor(kind: PackRequest["compression"]) {
  if (kind === "gzip") return createGzip();
  return kind === "zstd" ? createZstdCompress() : undefined;
}

/** With these the kernel moves or copies less than whole files into the upper directory, which then is no account of what changed. */
function upperTellsAll(): boolean {
  return ["redirect_dir", "metacopy"].every((name) => {
    try {
      return readFileSync(`/sys/module/overlay/parameters/${name}`, "utf8").trim() !== "Y";
    } catch {
      return true;
    }
  });
}

/** The directory that holds nothing but what `upper` changed over `lower`, where there is one. */
function changedDirectory({ lower, upper }: PackRequest): string | undefined {
  const overlay = overlayDirectories(upper);
  if (overlay?.upper === undefined || lower.length === 0 || !upperTellsAll()) return undefined;
  return layersOf(lower)?.join(":") === overlay.lowers.join(":") ? overlay.upper : undefined;
}

/** The layer's bytes. An overlay knows itself what changed; other trees are compared. */
function* layerOf(request: PackRequest): Generator<Uint8Array> {
  const { lower, upper, targets, latestNs } = request;
  const options: PackOptions = {
    ...{ prefix: "", overlay: false, includeRoot: false },
    ...(latestNs === "" ? {} : { latestNs: BigInt(latestNs) }),
  };
  const changed = changedDirectory(request);
  if (changed !== undefined) {
    yield* packTree(linuxKernel, openDirectory(changed), { ...options, overlay: true });
    return;
  }
  const root = openMounted(upper, targets[0]);
  if (lower.length === 0) yield* packTree(linuxKernel, root, options);
  else {
    const changes = compareTrees(linuxKernel, openMounted(lower, targets[1]), root);
    yield* packTree(linuxKernel, root, { ...options, changes });
  }
}

/** Bytes out, in order. A reader that has gone is no reason to work on. */
class Output {
  readonly #squeeze;
  #pumped: Promise<void> = Promise.resolve();

  constructor(compression: PackRequest["compression"]) {
    const squeeze = compressor(compression);
    this.#squeeze = squeeze;
    if (squeeze === undefined) return;
    this.#pumped = (async () => {
      for await (const piece of squeeze) writeStdout(piece as Uint8Array);
    })();
    // Seen by `finish`.
    this.#pumped.catch(() => {});
  }

  async write(piece: Uint8Array): Promise<void> {
    if (this.#squeeze === undefined) writeStdout(piece);
    else if (!this.#squeeze.write(piece)) await once(this.#squeeze, "drain");
  }

  async finish(): Promise<void> {
    this.#squeeze?.end();
    await this.#pumped;
  }
}

export async function packLayer(request: PackRequest): Promise<void> {
  leaveMountNamespace();
  const output = new Output(request.compression);
  const hasher = new Bun.CryptoHasher("sha256");
  let size = 0;
  for (const piece of layerOf(request)) {
    hasher.update(piece);
    size += piece.length;
    await output.write(piece);
  }
  await output.finish();
  report({ digest: `sha256:${hasher.digest("hex")}`, size });
}
