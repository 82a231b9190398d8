/** Writes one response. */
import { SkiffError } from "../../lib/errors.ts";
import type { BodyWriter, HttpResponse, RawStream } from "./api.ts";
import { hasToken, type RequestHead } from "./head.ts";
import type { Inlet } from "./inlet.ts";
import type { Outlet } from "./outlet.ts";

const REASONS: Readonly<Record<number, string>> = {
  100: "Continue",
  200: "OK",
  201: "Created",
  204: "No Content",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Request Entity Too Large",
  431: "Request Header Fields Too Large",
  499: "Client Closed Request",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

export const RAW_STREAM = "application/vnd.docker.raw-stream";
const UNSAFE = /[\r\n\0]/;

type Phase = "head" | "stream" | "raw" | "done";

export class ResponseWriter implements HttpResponse {
  readonly #request: RequestHead;
  readonly #outlet: Outlet;
  readonly #inlet: Inlet;
  readonly #skipBody: () => Promise<void>;
  readonly #headers = new Map<string, string>();
  #phase: Phase = "head";
  #chunked = false;
  /** Closed when the answer's end is the connection's end. */
  #closes: boolean;

  /** @param skipBody reads away what nobody has read of the request's body */
  constructor(request: RequestHead, inlet: Inlet, outlet: Outlet, skipBody: () => Promise<void>) {
    this.#request = request;
    this.#inlet = inlet;
    this.#outlet = outlet;
    this.#skipBody = skipBody;
    const connection = request.headers.get("connection");
    this.#closes = request.minor === 0 ? !hasToken(connection, "keep-alive") : hasToken(connection, "close");
  }

  get started(): boolean {
    return this.#phase !== "head";
  }

  get closes(): boolean {
    return this.#closes;
  }

  get hijacked(): boolean {
    return this.#phase === "raw";
  }

  header(name: string, value: string): void {
    if (UNSAFE.test(value)) throw new SkiffError("internal", `set header ${name}: line break in value`);
    this.#headers.set(name, value);
  }

  /** After this response the connection ends. */
  closeAfter(): void {
    this.#closes = true;
  }

  send(status: number, body: Uint8Array | string = "", contentType?: string): void {
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    const bodyless = status === 204 || status === 304;
    if (contentType !== undefined && !bodyless) this.header("Content-Type", contentType);
    if (!bodyless) this.header("Content-Length", String(bytes.length));
    const head = Buffer.from(this.#head(status, "done"), "latin1");
    const whole = bodyless || this.#request.method === "HEAD" ? head : Buffer.concat([head, bytes]);
    void this.#outlet.write(whole);
  }

  json(status: number, value: unknown): void {
    // As Go's encoder: a new line at the end.
    this.send(status, `${JSON.stringify(value)}\n`, "application/json");
  }

  stream(status: number, contentType: string): BodyWriter {
    this.header("Content-Type", contentType);
    this.#chunked = this.#request.minor === 1;
    if (this.#chunked) this.header("Transfer-Encoding", "chunked");
    else this.#closes = true;
    const discard = this.#request.method === "HEAD";
    void this.#outlet.write(Buffer.from(this.#head(status, "stream"), "latin1"));
    const write = (body: Uint8Array | string): Promise<void> => {
      const bytes = typeof body === "string" ? Buffer.from(body) : body;
      if (discard || bytes.length === 0 || this.#phase !== "stream") return Promise.resolve();
      if (!this.#chunked) return this.#outlet.write(bytes);
      const size = Buffer.from(`${bytes.length.toString(16)}\r\n`, "latin1");
      return this.#outlet.write(Buffer.concat([size, bytes, CRLF]));
    };
    return { write, line: (value) => write(`${JSON.stringify(value)}\n`) };
  }

  hijack(contentType = RAW_STREAM): RawStream {
    const upgrade = this.#request.headers.get("upgrade");
    const asked = upgrade !== undefined && hasToken(this.#request.headers.get("connection"), "upgrade");
    this.header("Content-Type", contentType);
    if (asked) {
      this.header("Connection", "Upgrade");
      this.header("Upgrade", upgrade);
    }
    this.#closes = true;
    const head = asked ? this.#head(101, "raw", "UPGRADED") : this.#head(200, "raw");
    void this.#outlet.write(Buffer.from(head, "latin1"));
    const inlet = this.#inlet;
    const skipBody = this.#skipBody;
    const input: AsyncIterable<Uint8Array> = {
      async *[Symbol.asyncIterator]() {
        await skipBody();
        for (let bytes = await inlet.read(); bytes !== undefined; bytes = await inlet.read()) yield bytes;
      },
    };
    return { input, write: (bytes) => this.#outlet.write(bytes), gone: this.#outlet.gone };
  }

  /** The handler is done. */
  finish(): void {
    if (this.#phase === "head") throw new SkiffError("internal", "answer request: handler sent nothing");
    if (this.#phase === "stream" && this.#chunked && this.#request.method !== "HEAD")
      void this.#outlet.write(LAST_CHUNK);
    if (this.#phase === "stream") this.#phase = "done";
  }

  #head(status: number, next: Phase, reason = REASONS[status] ?? "Status"): string {
    if (this.#phase !== "head") throw new SkiffError("internal", "answer request: answered twice");
    this.#phase = next;
    if (next !== "raw") this.header("Date", new Date().toUTCString());
    if (this.#closes && next !== "raw") this.header("Connection", "close");
    else if (this.#request.minor === 0 && next !== "raw") this.header("Connection", "keep-alive");
    let text = `HTTP/1.1 ${status} ${reason}\r\n`;
    for (const [name, value] of this.#headers) text += `${name}: ${value}\r\n`;
    return `${text}\r\n`;
  }
}

const CRLF = Buffer.from("\r\n");
const LAST_CHUNK = Buffer.from("0\r\n\r\n");
