/** A layer's blob as plain tar bytes: read once, hashed as it lies there, decompressed. */
import { closeSync, createReadStream, openSync, readSync } from "node:fs";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { writeStdout } from "../../../kernel/stdout.ts";
import { messageOf, SkiffError } from "../../../lib/errors.ts";
import { type Compression, type LayerBlob, report } from "./protocol.ts";

const PIECE_BYTES = 1024 * 1024;
const PLAIN_BYTES = 256 * 1024;
const REPORT_BYTES = 4 * 1024 * 1024;
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd];
/** Skippable frames, which zstd:chunked may begin with. */
const ZSTD_SKIP = [0x2a, 0x4d, 0x18];
const GZIP = [0x1f, 0x8b];

/** By what the bytes are: media types lie. */
export function compressionOf(path: string): Compression {
  const head = Buffer.alloc(4);
  const fd = openSync(path, "r");
  readSync(fd, head, 0, 4, 0);
  closeSync(fd);
  const begins = (magic: readonly number[], from = 0) => magic.every((byte, at) => head[from + at] === byte);
  if (begins(GZIP)) return "gzip";
  const skippable = (head[0]! & 0xf0) === 0x50 && begins(ZSTD_SKIP, 1);
  return begins(ZSTD) || skippable ? "zstd" : "none";
}

/** Counts and hashes a blob on its way. */
class Check {
  readonly #hasher = new Bun.CryptoHasher("sha256");
  #read = 0;
  #told = 0;

  constructor(private readonly blob: LayerBlob) {}

  take(piece: Uint8Array): void {
    this.#hasher.update(piece);
    this.#read += piece.length;
    if (this.#read - this.#told < REPORT_BYTES) return;
    this.#told = this.#read;
    report({ read: this.#read });
  }

  /** @throws data_loss when it is not what its name says: a broken disk, or a store tampered with */
  finish(): void {
    const { digest, size } = this.blob;
    const found = `sha256:${this.#hasher.digest("hex")}`;
    if (this.#read !== size || found !== digest)
      throw new SkiffError(
        "data_loss",
        `layer ${digest} of ${size} bytes: read ${found} of ${this.#read} bytes`,
      );
  }
}

function* readPlain(blob: LayerBlob): Generator<Uint8Array> {
  const check = new Check(blob);
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  const fd = openSync(blob.path, "r");
  try {
    for (let count = readSync(fd, piece); count > 0; count = readSync(fd, piece)) {
      check.take(piece.subarray(0, count));
      yield piece.subarray(0, count);
    }
  } finally {
    closeSync(fd);
  }
  check.finish();
}

/** All pieces, each of which is used again once the next is asked for. */
export async function* readBlob(blob: LayerBlob): AsyncGenerator<Uint8Array> {
  const compression = compressionOf(blob.path);
  if (compression === "none") {
    yield* readPlain(blob);
    return;
  }
  const check = new Check(blob);
  const file = createReadStream(blob.path, { highWaterMark: PIECE_BYTES });
  file.on("data", (piece) => check.take(piece as Buffer));
  const options = { chunkSize: PLAIN_BYTES };
  const plain = compression === "gzip" ? createGunzip(options) : createZstdDecompress(options);
  const ended = new Promise<void>((resolve, reject) => {
    file.once("end", () => resolve());
    file.once("error", (error) => {
      plain.destroy(error);
      reject(error);
    });
  });
  ended.catch(() => {});
  try {
    for await (const piece of file.pipe(plain)) yield piece as Uint8Array;
  } catch (error) {
    throw new SkiffError("data_loss", `decompress layer: ${messageOf(error)}`, { cause: error });
  }
  // The decompressor may have seen its end before the file's.
  file.resume();
  await ended;
  check.finish();
}

/** Child process: the plain bytes on stdout. A reader that has gone has its own reasons. */
export async function inflateLayer(blob: LayerBlob): Promise<void> {
  for await (const piece of readBlob(blob)) if (!writeStdout(piece)) return;
}
