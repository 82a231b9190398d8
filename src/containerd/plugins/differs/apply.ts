/** Child process: a layer's blob unpacked into a tree, hashed on the way. */
import { closeSync, createReadStream, openSync, readSync } from "node:fs";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { linuxKernel } from "../../../kernel/linux.ts";
import { Extractor } from "../../../kernel/tree/extract.ts";
import { messageOf, SkiffError } from "../../../lib/errors.ts";
import { TarReader } from "../../../lib/tar/reader.ts";
import { leaveMountNamespace, openMounted } from "./mounted.ts";
import { type Compression, type LayerRequest, report } from "./protocol.ts";

const PIECE_BYTES = 1024 * 1024;
const REPORT_BYTES = 4 * 1024 * 1024;
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd];
const GZIP = [0x1f, 0x8b];

/** By what the bytes are: media types lie. */
function compressionOf(path: string): Compression {
  const head = Buffer.alloc(4);
  const fd = openSync(path, "r");
  readSync(fd, head, 0, 4, 0);
  closeSync(fd);
  const begins = (magic: readonly number[]) => magic.every((byte, at) => head[at] === byte);
  return begins(GZIP) ? "gzip" : begins(ZSTD) ? "zstd" : "none";
}

async function* readBlob(path: string): AsyncGenerator<Uint8Array> {
  let read = 0;
  let told = 0;
  const file = createReadStream(path, { highWaterMark: PIECE_BYTES });
  file.on("data", (piece) => {
    read += piece.length;
    if (read - told < REPORT_BYTES) return;
    told = read;
    report({ read });
  });
  const compression = compressionOf(path);
  const options = { chunkSize: 256 * 1024 };
  const plain =
    compression === "none"
      ? file
      : file.pipe(compression === "gzip" ? createGunzip(options) : createZstdDecompress(options));
  file.on("error", (error) => plain.destroy(error));
  try {
    for await (const piece of plain) yield piece as Uint8Array;
  } catch (error) {
    throw new SkiffError("data_loss", `decompress layer: ${messageOf(error)}`, { cause: error });
  }
}

export async function applyLayer(request: Extract<LayerRequest, { readonly verb: "apply" }>): Promise<void> {
  process.umask(0);
  leaveMountNamespace();
  const root = openMounted(request.mounts, request.target);
  const hasher = new Bun.CryptoHasher("sha256");
  let size = 0;
  using extractor = new Extractor(linuxKernel, root, { whiteouts: true });
  const reader = new TarReader(extractor);
  for await (const piece of readBlob(request.blob)) {
    hasher.update(piece);
    size += piece.length;
    reader.push(piece);
  }
  reader.finish();
  extractor.finish();
  report({ digest: `sha256:${hasher.digest("hex")}`, size });
}
