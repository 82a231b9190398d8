/** Reads and writes blobs over containerd's Content service. */
import { WriteAction } from "../../contracts/containerd/gen/content_pb.ts";
import { codeOf, SkiffError } from "../../lib/errors.ts";
import type { CallOptions } from "../../wire/h2/api.ts";
import type { ImageClients } from "./clients.ts";
import { DOCUMENT_BYTES_MAX } from "./documents.ts";

type ContentClient = Pick<ImageClients, "content">;

/** In the order of the blob's bytes; verified by whoever stored them. @throws not_found */
export async function* readBlob(
  { content }: ContentClient,
  digest: string,
  options: CallOptions = {},
): AsyncGenerator<Uint8Array> {
  for await (const { data } of content.read({ digest }, options)) yield data;
}

/** A whole document. @throws not_found, resource_exhausted */
export async function readDocument(
  clients: ContentClient,
  digest: string,
  options: CallOptions = {},
): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const data of readBlob(clients, digest, options)) {
    length += data.length;
    if (length > DOCUMENT_BYTES_MAX)
      throw new SkiffError("resource_exhausted", `read ${digest}: more than ${DOCUMENT_BYTES_MAX} bytes`);
    parts.push(data);
  }
  return Buffer.concat(parts);
}

export interface BlobWrite {
  /** Names the ingest. */
  readonly ref: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Pieces small enough for one gRPC message. */
const PIECE_BYTES = 1024 * 1024;

async function* requestsOf(
  { ref, labels }: BlobWrite,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  expected: () => string,
) {
  let offset = 0n;
  for await (const bytes of source) {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const data = bytes.subarray(at, at + PIECE_BYTES);
      yield { action: WriteAction.WRITE, ref, offset, data };
      offset += BigInt(data.length);
    }
  }
  yield { action: WriteAction.COMMIT, ref, offset, total: offset, expected: expected(), labels };
}

/** Adds labels to a blob that is there. */
export async function label(
  { content }: ContentClient,
  digest: string,
  labels: Readonly<Record<string, string>>,
  options: CallOptions = {},
): Promise<void> {
  const paths = Object.keys(labels).map((key) => `labels.${key}`);
  if (paths.length > 0) await content.update({ info: { digest, labels }, updateMask: { paths } }, options);
}

/** Stores a stream; a blob that is there already is fine. Answers digest and size. */
export async function writeBlob(
  { content }: ContentClient,
  write: BlobWrite,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: CallOptions = {},
): Promise<{ readonly digest: string; readonly size: number }> {
  const hash = new Bun.CryptoHasher("sha256");
  let size = 0;
  const hashed = (async function* () {
    for await (const bytes of source) {
      hash.update(bytes);
      size += bytes.length;
      yield bytes;
    }
  })();
  let digest = "";
  const expected = () => (digest = `sha256:${hash.digest("hex")}`);
  try {
    for await (const _ of content.write(requestsOf(write, hashed, expected), options)) {
      // Acknowledgements: each is an offset that we know.
    }
  } catch (error) {
    if (codeOf(error) !== "already_exists" || digest === "") {
      await content.abort({ ref: write.ref }).catch(() => {});
      throw error;
    }
    await content.abort({ ref: write.ref }).catch(() => {});
    await label({ content }, digest, write.labels, options);
  }
  return { digest, size };
}
