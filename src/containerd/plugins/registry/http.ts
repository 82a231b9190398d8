/**
 * One exchange with a registry: authorization, redirects, retries.
 *
 * Redirects are followed by hand: on another origin neither `Authorization` nor the client's headers go along. 429 and 5xx are asked again after
 * `Retry-After` or a growing pause, and so is a connection that broke before its answer; anything else is answered as it is.
 */
import { SkiffError } from "../../../lib/errors.ts";
import type { Authorizer } from "./authorizer.ts";
import { discard } from "./body.ts";
import type { RegistryHost } from "./hosts.ts";
import { isTransient, requestError } from "./wire-error.ts";

const ATTEMPTS_MAX = 5;
const REDIRECTS_MAX = 10;
/** Until the head of an answer is there. An upload's answer comes after its body. */
const HEAD_TIMEOUT_MS = 60_000;
const UPLOAD_TIMEOUT_MS = 30 * 60_000;
const PAUSE_MS = 200;
const PAUSE_MS_MAX = 30_000;

export interface Exchange {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Made anew for each attempt. */
  readonly body?: (() => Uint8Array | ReadableStream<Uint8Array>) | undefined;
  readonly scopes: readonly string[];
  readonly signal: AbortSignal;
}

export interface Peer {
  readonly host: RegistryHost;
  /** Undefined: nobody's business who we are (foreign URLs). */
  readonly authorizer: Authorizer | undefined;
  /** The client's own, for the registry only. */
  readonly headers: Readonly<Record<string, string>>;
  /** Waits; tests make it quick. */
  readonly sleep: (ms: number) => Promise<void>;
}

export interface Answer {
  readonly response: Response;
  /** Where it came from, after redirects. */
  readonly url: URL;
}

async function fetchOnce(exchange: Exchange, url: URL, headers: Headers, tls: object | undefined) {
  const { method, body, signal } = exchange;
  const limit = body === undefined ? HEAD_TIMEOUT_MS : UPLOAD_TIMEOUT_MS;
  const gone = new AbortController();
  const timer = setTimeout(() => gone.abort(new DOMException("no answer", "TimeoutError")), limit);
  const content = body?.();
  try {
    return await fetch(url, {
      ...{ method, headers, redirect: "manual", decompress: false, timeout: false },
      signal: AbortSignal.any([signal, gone.signal]),
      ...(content === undefined ? {} : { body: content, duplex: "half" }),
      ...(tls === undefined ? {} : { tls }),
    } as RequestInit);
  } catch (error) {
    throw gone.signal.aborted ? gone.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

function isRedirect(exchange: Exchange, response: Response): boolean {
  const follows = exchange.method === "GET" || exchange.method === "HEAD";
  return follows && [301, 302, 303, 307, 308].includes(response.status) && response.headers.has("location");
}

async function follow(peer: Peer, exchange: Exchange, authorization: string | undefined): Promise<Answer> {
  // An upload may begin at a foreign address, too: what counts is the registry's own.
  const { origin } = new URL(`${peer.host.scheme}://${peer.host.host}`);
  let { url } = exchange;
  for (let hops = 0; hops <= REDIRECTS_MAX; hops++) {
    const own = url.origin === origin;
    const headers = new Headers({ ...(own ? peer.headers : {}), ...exchange.headers });
    // Blobs are named by their exact bytes.
    headers.set("Accept-Encoding", "identity");
    if (!headers.has("User-Agent")) headers.set("User-Agent", "containerd/2.0 (skiff)");
    if (own && authorization !== undefined) headers.set("Authorization", authorization);
    const response = await fetchOnce(exchange, url, headers, own ? peer.host.tls : undefined);
    if (!isRedirect(exchange, response)) return { response, url };
    discard(response);
    url = new URL(response.headers.get("location")!, url);
    if (url.protocol !== "https:" && url.protocol !== "http:")
      throw new SkiffError("unavailable", `redirect to ${url.protocol} is not followed`);
  }
  throw new SkiffError("unavailable", `stopped after ${REDIRECTS_MAX} redirects`);
}

/** Milliseconds; seconds or a date in the header (RFC 9110, 10.2.3). */
function pauseOf(response: Response | undefined, attempt: number): number {
  const asked = response?.headers.get("retry-after") ?? "";
  if (/^\d{1,6}$/.test(asked)) return Math.min(Number(asked) * 1000, PAUSE_MS_MAX);
  const until = Date.parse(asked) - Date.now();
  if (until > 0) return Math.min(until, PAUSE_MS_MAX);
  return Math.min(PAUSE_MS * 2 ** attempt, PAUSE_MS_MAX);
}

const isBusy = (status: number) => status === 408 || status === 429 || status >= 500;

/** @throws unauthenticated, unavailable, canceled; answers of any other status are the caller's to judge */
export async function exchange(peer: Peer, request: Exchange): Promise<Answer> {
  const { authorizer } = peer;
  const { scopes, signal } = request;
  let refusals = 0;
  for (let attempt = 0; ; ) {
    if (signal.aborted) throw requestError(request.method, request.url, undefined, signal);
    const authorization = await authorizer?.authorization(scopes, signal);
    let answer: Answer | undefined;
    try {
      answer = await follow(peer, request, authorization);
    } catch (error) {
      if (!isTransient(error) || attempt + 1 >= ATTEMPTS_MAX || signal.aborted)
        throw requestError(request.method, request.url, error, signal);
    }
    const status = answer?.response.status ?? 0;
    if (status === 401 && authorizer !== undefined) {
      const header = answer!.response.headers.get("www-authenticate");
      discard(answer!.response);
      await authorizer.challenged(header, scopes, refusals++ > 0);
      continue;
    }
    if (answer !== undefined && (!isBusy(status) || attempt + 1 >= ATTEMPTS_MAX)) return answer;
    if (answer !== undefined) discard(answer.response);
    await peer.sleep(pauseOf(answer?.response, attempt++));
  }
}
