/** Looks at a stream's first bytes to tell how it is compressed. */
import { Readable } from "node:stream";
import { createGunzip, createGzip, createZstdDecompress } from "node:zlib";
import { SkiffError } from "../../lib/errors.ts";

export type Compression = "none" | "gzip" | "zstd" | "bzip2" | "xz";

const MAGIC: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b, 0x08]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

export function compressionOf(head: Uint8Array): Compression {
  return MAGIC.find(([, magic]) => magic.every((byte, index) => head[index] === byte))?.[0] ?? "none";
}

/** The stream again, from its beginning, and how it is compressed. */
export async function detect(
  source: AsyncIterable<Uint8Array>,
): Promise<{ readonly compression: Compression; readonly stream: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < 6) {
    const { done, value } = await iterator.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  const stream = (async function* () {
    if (head.length > 0) yield head as Uint8Array;
    for (;;) {
      const { done, value } = await iterator.next();
      if (done === true) return;
      yield value;
    }
  })();
  return { compression: compressionOf(head), stream };
}

/** @throws unimplemented for what only few archives use */
export function decompress(
  compression: Compression,
  stream: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  if (compression === "none") return stream;
  if (compression === "bzip2" || compression === "xz")
    throw new SkiffError("unimplemented", `decompress archive: ${compression} is not supported`);
  const transform = compression === "gzip" ? createGunzip() : createZstdDecompress();
  const source = Readable.from(stream);
  source.on("error", (error) => transform.destroy(error));
  return source.pipe(transform) as AsyncIterable<Uint8Array>;
}

export function gzip(stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const transform = createGzip();
  const source = Readable.from(stream);
  source.on("error", (error) => transform.destroy(error));
  return source.pipe(transform) as AsyncIterable<Uint8Array>;
}
