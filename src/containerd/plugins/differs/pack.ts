/** Child process: what a tree changed, as a layer on stdout, hashed before it is compressed. */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { createGzip, createZstdCompress } from "node:zlib";
import { linuxKernel } from "../../../kernel/linux.ts";
import { packTree } from "../../../kernel/tree/pack.ts";
import { compareTrees } from "./compare.ts";
import { leaveMountNamespace, openDirectory, openMounted, upperDirectory } from "./mounted.ts";
import type { LayerRequest } from "./protocol.ts";
import { report } from "./protocol.ts";

type PackRequest = Extract<LayerRequest, { readonly verb: "pack" }>;

function compressor(kind: PackRequest["compression"]) {
  if (kind === "gzip") return createGzip();
  return kind === "zstd" ? createZstdCompress() : undefined;
}

/** The layer's bytes. An overlay knows itself what changed; other trees are compared. */
function* layerOf({ lower, upper, target, latestNs }: PackRequest): Generator<Uint8Array> {
  const latest = latestNs === "" ? {} : { latestNs: BigInt(latestNs) };
  const changed = upperDirectory(upper);
  if (changed !== undefined) {
    const root = openDirectory(changed);
    yield* packTree(linuxKernel, root, { prefix: "", overlay: true, includeRoot: false, ...latest });
    return;
  }
  const root = openMounted(upper, target);
  if (lower.length === 0)
    yield* packTree(linuxKernel, root, { prefix: "", overlay: false, includeRoot: false, ...latest });
  else {
    const changes = compareTrees(linuxKernel, openMounted(lower, target), root);
    yield* packTree(linuxKernel, root, {
      prefix: "",
      overlay: false,
      includeRoot: false,
      changes,
      ...latest,
    });
  }
}

export async function packLayer(request: PackRequest): Promise<void> {
  leaveMountNamespace();
  const out = createWriteStream("", { fd: 1 });
  const squeeze = compressor(request.compression);
  squeeze?.pipe(out);
  const sink = squeeze ?? out;
  const hasher = new Bun.CryptoHasher("sha256");
  let size = 0;
  for (const piece of layerOf(request)) {
    hasher.update(piece);
    size += piece.length;
    if (!sink.write(piece)) await once(sink, "drain");
  }
  sink.end();
  await once(out, "finish");
  report({ digest: `sha256:${hasher.digest("hex")}`, size });
}
