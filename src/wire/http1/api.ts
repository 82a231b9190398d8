/** What a handler of our HTTP server sees. */
import type { Headers } from "./head.ts";

export interface HttpRequest {
  readonly method: string;
  /** Decoded; starts with `/`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  /** To be read once. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Aborted when the client has gone. The half-closing of a client that waits for its answer counts, too, as with Go's server. */
  readonly signal: AbortSignal;
  /** The whole body. @throws invalid_argument when it is longer than `limit` bytes. */
  bytes(limit: number): Promise<Buffer>;
}

/** The connection once it speaks no HTTP any more. Ends when the handler does. */
export interface RawStream {
  /** What the client sends; ends when it closes its side. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Resolves when more may be written. */
  write(bytes: Uint8Array): Promise<void>;
  /** Aborted when the connection has gone: not by the client's half-close. */
  readonly gone: AbortSignal;
}

/** A body of unknown length. */
export interface BodyWriter {
  write(bytes: Uint8Array | string): Promise<void>;
  /** `write` of a line of JSON. */
  line(value: unknown): Promise<void>;
}

export interface HttpResponse {
  /** True when the status line is out: then an error can only end the connection. */
  readonly started: boolean;
  header(name: string, value: string): void;
  /** A whole answer; no body for HEAD, 204 and 304. */
  send(status: number, body?: Uint8Array | string, contentType?: string): void;
  json(status: number, value: unknown): void;
  /** Sends the head at once; the body ends when the handler does. */
  stream(status: number, contentType: string): BodyWriter;
  /**
   * Takes the connection over: `101 UPGRADED` for a client that asked for `Upgrade`, `200 OK` for one that did not.
   * @param contentType of the stream; left out: `application/vnd.docker.raw-stream`
   */
  hijack(contentType?: string): RawStream;
}

export type HttpHandler = (request: HttpRequest, response: HttpResponse) => Promise<void>;
