/**
 * A blob's bytes from a registry, from an offset on: a connection that breaks is taken up again where it broke (Range, RFC 9110), with a bound on
 * attempts that bring nothing. The bytes are not verified here; whoever stores them compares the digest.
 */
import { SkiffError } from "../../../lib/errors.ts";
import { discard, pieces } from "./body.ts";
import { exchange, type Peer } from "./http.ts";
import { statusError } from "./status-error.ts";
import { isTransient, requestError } from "./wire-error.ts";

const FRUITLESS_MAX = 5;
/** An attempt that brings less counts as fruitless: nobody trickles a blob for ever. */
const FRUIT_BYTES_MIN = 64 * 1024;
const PAUSE_MS = 200;

export interface BlobQuestion {
  readonly peer: Peer;
  readonly url: URL;
  readonly accept: string;
  readonly size: number;
  readonly scopes: readonly string[];
  readonly signal: AbortSignal;
}

/** Bytes to leave out at the beginning, from a server that ignores ranges. */
function excess(response: Response, offset: number): number {
  if (response.status !== 206) return offset;
  const start = /^bytes (\d{1,15})-/.exec(response.headers.get("content-range") ?? "")?.[1];
  if (start !== undefined && Number(start) !== offset)
    throw new SkiffError("unavailable", `server sent range from ${start} instead of ${offset}`);
  return 0;
}

async function open(question: BlobQuestion, offset: number): Promise<Response> {
  const { peer, url, accept, scopes, signal } = question;
  const headers = { Accept: accept, ...(offset === 0 ? {} : { Range: `bytes=${offset}-` }) };
  const { response, url: source } = await exchange(peer, { method: "GET", url, headers, scopes, signal });
  if (response.ok) return response;
  throw await statusError("GET", source, response);
}

async function* once(question: BlobQuestion, offset: number): AsyncGenerator<Uint8Array> {
  const response = await open(question, offset);
  let skip = excess(response, offset);
  const { signal } = question;
  const stop = () => discard(response);
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const piece of pieces(response)) {
      if (signal.aborted) break;
      if (skip >= piece.length) skip -= piece.length;
      else {
        yield piece.subarray(skip);
        skip = 0;
      }
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
  if (signal.aborted) throw requestError("GET", question.url, undefined, signal);
}

/** @throws what `exchange` does, and unavailable (unexpected EOF) when the server never gets to the end */
export async function* blobBytes(question: BlobQuestion, from: number): AsyncGenerator<Uint8Array> {
  const { size, peer, url, signal } = question;
  let offset = from;
  for (let fruitless = 0; offset < size; ) {
    const before = offset;
    try {
      for await (const piece of once(question, offset)) {
        offset += piece.length;
        yield piece;
      }
      if (offset < size) throw Object.assign(new Error("unexpected EOF"), { code: "ECONNRESET" });
    } catch (error) {
      if (!isTransient(error)) throw requestError("GET", url, error, signal);
      fruitless = offset - before >= FRUIT_BYTES_MIN ? 0 : fruitless + 1;
      if (fruitless >= FRUITLESS_MAX) throw requestError("GET", url, error, signal);
      await peer.sleep(PAUSE_MS * 2 ** fruitless);
    }
  }
}
