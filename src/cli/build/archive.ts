/** Is it an archive that comes on stdin? By its first bytes, as the daemon tells, too. */
import { parseHeader } from "../../lib/tar/header.ts";
import { CliError } from "../errors.ts";

const HEAD_BYTES = 512;
const MAGICS: readonly (readonly number[])[] = [
  [0x1f, 0x8b, 0x08],
  [0x42, 0x5a, 0x68],
  [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  [0x28, 0xb5, 0x2f, 0xfd],
];

export function isArchive(head: Uint8Array): boolean {
  if (MAGICS.some((magic) => magic.every((byte, at) => head[at] === byte))) return true;
  if (head.length < HEAD_BYTES) return false;
  try {
    parseHeader(head.subarray(0, HEAD_BYTES));
    return true;
  } catch {
    return false;
  }
}

export interface Peeked {
  readonly head: Uint8Array;
  /** All of it, the head too. */
  readonly pieces: AsyncIterable<Uint8Array>;
}

export async function peek(stream: AsyncIterable<Uint8Array>): Promise<Peeked> {
  const rest = stream[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  for (let bytes = 0; bytes < HEAD_BYTES; ) {
    const { done, value } = await rest.next();
    if (done === true) break;
    first.push(value);
    bytes += value.length;
  }
  async function* pieces(): AsyncGenerator<Uint8Array, void> {
    yield* first;
    yield* { [Symbol.asyncIterator]: () => rest };
  }
  return { head: Buffer.concat(first), pieces: pieces() };
}

export async function readLimited(stream: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of stream) {
    bytes += piece.length;
    if (bytes > bytesMax) throw new CliError("the Dockerfile on stdin is too long");
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
