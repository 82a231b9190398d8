/** Child process: a layer's blob unpacked into a tree, hashed on the way. */
import { linuxKernel } from "../../../kernel/linux.ts";
import { Extractor } from "../../../kernel/tree/extract.ts";
import { SkiffError } from "../../../lib/errors.ts";
import { selfCommand } from "../../../lib/self.ts";
import { TarReader } from "../../../lib/tar/reader.ts";
import { compressionOf, readBlob } from "./inflate.ts";
import { openForLayer } from "./mounted.ts";
import { type LayerBlob, type LayerRequest, REPORT_FD, report } from "./protocol.ts";

const PIECE_BYTES = 1024 * 1024;
/** From here on a second process is worth its start. */
const INFLATE_APART_BYTES = 8 * 1024 * 1024;
/** fcntl(2) */
const F_SETPIPE_SZ = 1031;

/** What another process inflates, while this one unpacks. */
async function* inflated(blob: LayerBlob): AsyncGenerator<Uint8Array> {
  const [from, to] = linuxKernel.pipe2(0);
  try {
    linuxKernel.fcntl(to, F_SETPIPE_SZ, PIECE_BYTES);
    const child = Bun.spawn(
      selfCommand("skiff-containerd", ["layer", JSON.stringify({ verb: "inflate", blob })]),
      {
        stdio: ["ignore", to, "inherit", REPORT_FD],
      },
    );
    linuxKernel.close(to);
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    // Waits in the kernel: this process has nothing else to do.
    for (let count = linuxKernel.read(from, piece); count > 0; count = linuxKernel.read(from, piece))
      yield piece.subarray(0, count);
    // Its own report came before.
    if ((await child.exited) !== 0) throw new SkiffError("data_loss", "decompress layer: failed");
  } finally {
    linuxKernel.close(from);
  }
}

export async function applyLayer(request: Extract<LayerRequest, { readonly verb: "apply" }>): Promise<void> {
  const { blob, mounts, target } = request;
  process.umask(0);
  const { root, lowers } = openForLayer(mounts, target);
  const hasher = new Bun.CryptoHasher("sha256");
  let size = 0;
  using extractor = new Extractor(linuxKernel, root, { whiteouts: true, ...(lowers && { lowers }) });
  const reader = new TarReader(extractor);
  const apart = blob.size >= INFLATE_APART_BYTES && compressionOf(blob.path) !== "none";
  for await (const piece of apart ? inflated(blob) : readBlob(blob)) {
    hasher.update(piece);
    size += piece.length;
    reader.push(piece);
  }
  reader.finish();
  extractor.finish();
  report({ digest: `sha256:${hasher.digest("hex")}`, size });
}
