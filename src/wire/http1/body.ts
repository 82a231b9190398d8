/** Bodies, as they are read. */
import { SkiffError } from "../../lib/errors.ts";
import { type BodyLength, bad, endOfHead } from "./head.ts";
import type { Inlet } from "./inlet.ts";
import { LIMITS } from "./limits.ts";

function truncated(): SkiffError {
  return new SkiffError("canceled", "read body: unexpected EOF");
}

/** A head with its empty line; undefined when the peer ends before the first byte. @param onFirst called when the head has begun. */
export async function readHead(inlet: Inlet, onFirst?: () => void): Promise<Buffer | undefined> {
  let bytes: Buffer = Buffer.alloc(0);
  for (;;) {
    const chunk = await inlet.read();
    if (chunk === undefined) {
      if (bytes.length === 0) return undefined;
      throw new SkiffError("canceled", "read head: unexpected EOF");
    }
    const before = bytes.length;
    if (before === 0) onFirst?.();
    bytes = before === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const end = endOfHead(bytes, before);
    if (end > LIMITS.headBytes || (end < 0 && bytes.length > LIMITS.headBytes)) throw bad("header too large");
    if (end < 0) continue;
    inlet.unread(bytes.subarray(end));
    return bytes.subarray(0, end);
  }
}

/** A line without its CRLF. */
async function readLine(inlet: Inlet): Promise<string> {
  let bytes: Buffer = Buffer.alloc(0);
  for (;;) {
    const chunk = await inlet.read();
    if (chunk === undefined) throw truncated();
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const end = bytes.indexOf(10);
    if ((end < 0 ? bytes.length : end) > LIMITS.lineBytes) throw bad("line in chunked body too long");
    if (end < 0) continue;
    inlet.unread(bytes.subarray(end + 1));
    if (end === 0 || bytes[end - 1] !== 13) throw bad("bare LF in chunked body");
    return bytes.toString("latin1", 0, end - 1);
  }
}

async function* readExactly(inlet: Inlet, length: number): AsyncGenerator<Uint8Array, void> {
  for (let left = length; left > 0; ) {
    const chunk = await inlet.read();
    if (chunk === undefined) throw truncated();
    if (chunk.length > left) inlet.unread(chunk.subarray(left));
    const part = chunk.length > left ? chunk.subarray(0, left) : chunk;
    left -= part.length;
    yield part;
  }
}

/** Up to 13 hex digits keep the number exact; extensions are ignored, as RFC 9112 wants. */
const CHUNK_SIZE = /^([0-9A-Fa-f]{1,13})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;

async function* readChunked(inlet: Inlet): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const size = CHUNK_SIZE.exec(await readLine(inlet));
    if (size === null) throw bad("malformed chunk size");
    const length = Number.parseInt(size[1]!, 16);
    if (length === 0) break;
    yield* readExactly(inlet, length);
    if ((await readLine(inlet)) !== "") throw bad("malformed chunk");
  }
  for (let count = 0; (await readLine(inlet)) !== ""; count++)
    if (count >= LIMITS.trailers) throw bad("too many trailers");
}

async function* readToEnd(inlet: Inlet): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const chunk = await inlet.read();
    if (chunk === undefined) return;
    yield chunk;
  }
}

/** The body's bytes; the iteration ends with the body, and fails when the peer ends before it. */
export function readBody(inlet: Inlet, length: BodyLength): AsyncGenerator<Uint8Array, void> {
  if (length.kind === "length") return readExactly(inlet, length.bytes);
  if (length.kind === "chunked") return readChunked(inlet);
  return length.kind === "close" ? readToEnd(inlet) : readExactly(inlet, 0);
}

/** Everything in one buffer. @throws invalid_argument when it is longer than `limit` bytes. */
export async function collect(body: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body) {
    length += part.length;
    if (length > limit) throw bad("request body too large");
    parts.push(part);
  }
  return Buffer.concat(parts);
}
