/** Streams that may be compressed: the first bytes tell gzip and zstd from anything else, which passes as it is. */
import { Readable } from "node:stream";
import { createGunzip, createGzip, createZstdDecompress } from "node:zlib";
import { isSkiffError, messageOf, SkiffError } from "../../../lib/errors.ts";

export type Compression = "gzip" | "zstd" | "none";

export function compressionOf(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return "zstd";
  return "none";
}

const MAGIC_BYTES = 4;

/** Collects pieces until the magic is there; answers it and all bytes again. */
async function peek(bytes: AsyncIterable<Uint8Array>): Promise<readonly [Buffer, AsyncIterable<Uint8Array>]> {
  const source = bytes[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  while (head.length < MAGIC_BYTES) {
    const { done, value } = await source.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  async function* again(): AsyncGenerator<Uint8Array> {
    try {
      if (head.length > 0) yield head;
      for (let next = await source.next(); next.done !== true; next = await source.next()) yield next.value;
    } finally {
      await source.return?.();
    }
  }
  return [head, again()];
}

async function* through(
  bytes: AsyncIterable<Uint8Array>,
  transform: ReturnType<typeof createGunzip>,
): AsyncGenerator<Uint8Array> {
  const source = Readable.from(bytes, { objectMode: true });
  source.on("error", (error) => transform.destroy(error));
  try {
    for await (const piece of source.pipe(transform)) yield piece as Uint8Array;
  } catch (error) {
    if (isSkiffError(error)) throw error;
    throw new SkiffError("invalid_argument", `archive: ${messageOf(error)}`, { cause: error });
  } finally {
    source.destroy();
    transform.destroy();
  }
}

/** @throws invalid_argument while iterating, for broken compression */
export async function* decompressed(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const [head, all] = await peek(bytes);
  const compression = compressionOf(head);
  if (compression === "none") yield* all;
  else yield* through(all, compression === "gzip" ? createGunzip() : createZstdDecompress());
}

export function gzipped(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return through(bytes, createGzip());
}
