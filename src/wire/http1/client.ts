/**
 * A small HTTP/1.1 client for the command line: one request a connection, over a unix socket or TCP. It is loaded at each start of `skiff`, so
 * it uses `Bun.connect`, which costs half a millisecond, and not `node:http`, which costs seven.
 */
import { SkiffError } from "../../lib/errors.ts";
import { collect, readBody, readHead } from "./body.ts";
import { type Headers, parseResponseHead, type ResponseHead, responseBody } from "./head.ts";
import { Inlet } from "./inlet.ts";

/** Texts in PEM. */
export interface TlsFiles {
  /** The other side must show a certificate of `ca` (or of the machine's authorities) for its name. */
  readonly verify: boolean;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export type Endpoint =
  | { readonly unix: string }
  | { readonly hostname: string; readonly port: number; readonly tls?: TlsFiles }
  /** Answers a connected socket, which then belongs to the connection. */
  | { readonly open: () => Promise<number> };

export interface ClientRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is sent in chunks. */
  readonly body?: Uint8Array | string | AsyncIterable<Uint8Array>;
  /** Asks for `Upgrade: tcp`; a 101 or 200 then has `stream`. */
  readonly hijack?: boolean;
  /** Ends the connection; reading fails with `canceled`. */
  readonly signal?: AbortSignal;
}

/** A connection taken over. */
export interface ClientStream {
  /** What the server sends; ends when it closes its side. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Resolves when more may be written. */
  write(bytes: Uint8Array): Promise<void>;
  /** Half-close: the server sees the end of its input, its output goes on. */
  closeWrite(): void;
  close(): void;
}

export interface ClientResponse {
  readonly status: number;
  readonly headers: Headers;
  /** To be read once. */
  readonly body: AsyncIterable<Uint8Array>;
  readonly stream?: ClientStream;
  text(): Promise<string>;
  json<T>(): Promise<T>;
  /** Ends the connection before the body does. */
  close(): void;
}

const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

async function placeOf(endpoint: Endpoint): Promise<object> {
  if ("unix" in endpoint) return { unix: endpoint.unix };
  if ("open" in endpoint) return { fd: await endpoint.open() };
  const { hostname, port, tls } = endpoint;
  if (tls === undefined) return { hostname, port };
  const { verify, ca, cert, key } = tls;
  const files = Object.fromEntries(
    Object.entries({ ca, cert, key }).filter(([, text]) => text !== undefined),
  );
  return { hostname, port, tls: { ...files, rejectUnauthorized: verify, serverName: hostname } };
}

function connect(where: object, socket: Bun.SocketHandler<undefined>): Promise<Bun.Socket<undefined>> {
  return Bun.connect({ ...where, socket, allowHalfOpen: true } as Parameters<
    typeof Bun.connect<undefined>
  >[0]);
}

class Connection {
  readonly inlet: Inlet;
  #socket: Bun.Socket<undefined> | undefined;
  #pending: Uint8Array[] = [];
  #waiting: (() => void)[] = [];
  #ending = false;
  #closed = false;

  constructor() {
    this.inlet = new Inlet({ pause: () => this.#socket?.pause(), resume: () => this.#socket?.resume() });
  }

  async open(endpoint: Endpoint): Promise<void> {
    const socket: Bun.SocketHandler<undefined> = {
      // The buffer belongs to Bun and is used again.
      data: (_, bytes) => this.inlet.push(Buffer.from(bytes)),
      drain: () => this.#flush(),
      end: () => this.inlet.end(),
      close: () => this.#close(),
      error: () => this.#close(),
      connectError: () => {},
    };
    const where = await placeOf(endpoint);
    if (!("hostname" in endpoint) || endpoint.tls === undefined) {
      this.#socket = await connect(where, socket);
      return;
    }
    // Nothing is sent before we know who it is.
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { verify } = endpoint.tls;
    const refuse = (why: string) => reject(new SkiffError("unauthenticated", `tls: ${why}`));
    this.#socket = await connect(where, {
      ...socket,
      handshake: (_, ok, error) =>
        (verify && (!ok || error)) || !ok ? refuse(error?.message ?? "handshake failed") : resolve(),
      close: () => {
        refuse("connection closed in the handshake");
        this.#close();
      },
    });
    await promise;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#closed || bytes.length === 0) return Promise.resolve();
    this.#pending.push(bytes);
    this.#flush();
    if (this.#pending.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  closeWrite(): void {
    this.#ending = true;
    this.#flush();
  }

  close(): void {
    this.#socket?.terminate();
    this.#close();
  }

  #flush(): void {
    while (this.#pending.length > 0 && !this.#closed) {
      const bytes = this.#pending[0]!;
      const written = this.#socket!.write(bytes);
      if (written < 0) return;
      if (written < bytes.length) {
        this.#pending[0] = bytes.subarray(written);
        return;
      }
      this.#pending.shift();
    }
    this.#wake();
    if (this.#ending && !this.#closed) this.#socket!.shutdown();
  }

  #close(): void {
    this.#closed = true;
    this.#pending = [];
    this.inlet.end();
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function headOf(request: ClientRequest): string {
  const { method, path, body, hijack, headers = {} } = request;
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "Host: api.moby.localhost",
    "User-Agent: Skiff-Client/0.1 (linux)",
  ];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (typeof body === "string" || body instanceof Uint8Array)
    lines.push(`Content-Length: ${typeof body === "string" ? Buffer.byteLength(body) : body.length}`);
  else if (body !== undefined) lines.push("Transfer-Encoding: chunked");
  else if (method !== "GET" && method !== "HEAD") lines.push("Content-Length: 0");
  if (hijack === true) lines.push("Connection: Upgrade", "Upgrade: tcp");
  else lines.push("Connection: close");
  return `${lines.join("\r\n")}\r\n\r\n`;
}

async function sendBody(connection: Connection, body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const bytes of body) {
    if (bytes.length === 0) continue;
    const size = Buffer.from(`${bytes.length.toString(16)}\r\n`);
    await connection.write(Buffer.concat([size, bytes, Buffer.from("\r\n")]));
  }
  await connection.write(Buffer.from("0\r\n\r\n"));
}

async function* streamInput(inlet: Inlet): AsyncGenerator<Uint8Array, void> {
  for (let bytes = await inlet.read(); bytes !== undefined; bytes = await inlet.read()) yield bytes;
}

function answer(connection: Connection, head: ResponseHead, request: ClientRequest): ClientResponse {
  const { inlet } = connection;
  const { status, headers } = head;
  const taken = request.hijack === true && (status === 101 || status === 200);
  const body = taken ? streamInput(inlet) : readBody(inlet, responseBody(head, request.method));
  const close = () => connection.close();
  const text = async () => {
    const bytes = await collect(body, ANSWER_BYTES_MAX);
    close();
    return bytes.toString();
  };
  const stream: ClientStream = {
    input: body,
    write: (bytes) => connection.write(bytes),
    closeWrite: () => connection.closeWrite(),
    close,
  };
  return {
    ...{ status, headers, body, close, text },
    ...(taken ? { stream } : {}),
    json: async <T>() => JSON.parse(await text()) as T,
  };
}

async function readAnswer(connection: Connection): Promise<ResponseHead> {
  for (;;) {
    const bytes = await readHead(connection.inlet);
    if (bytes === undefined) throw new SkiffError("unavailable", "EOF");
    const head = parseResponseHead(bytes);
    // 100 Continue and the like; 101 is final.
    if (head.status >= 200 || head.status === 101) return head;
  }
}

/** Resolves when the head of the answer is there. @throws unavailable when nobody listens or the connection breaks before. */
export async function request(endpoint: Endpoint, request: ClientRequest): Promise<ClientResponse> {
  const connection = new Connection();
  try {
    await connection.open(endpoint);
  } catch (cause) {
    connection.close();
    if (cause instanceof SkiffError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    const where =
      "unix" in endpoint
        ? endpoint.unix
        : "open" in endpoint
          ? "command"
          : `${endpoint.hostname}:${endpoint.port}`;
    const denied = code === "EACCES" || code === "EPERM";
    throw new SkiffError(denied ? "permission_denied" : "unavailable", `connect ${where}: ${code ?? cause}`, {
      cause,
    });
  }
  request.signal?.addEventListener("abort", () => {
    connection.inlet.end(new SkiffError("canceled", "request canceled"));
    connection.close();
  });
  const { body } = request;
  const head = Buffer.from(headOf(request), "latin1");
  const whole = typeof body === "string" || body instanceof Uint8Array;
  const sent = connection.write(whole ? Buffer.concat([head, Buffer.from(body)]) : head);
  // An answer may come before the body is sent: an error, or the progress of a load.
  const failed = Promise.withResolvers<never>();
  if (!whole && body !== undefined) sent.then(() => sendBody(connection, body)).catch(failed.reject);
  failed.promise.catch(() => connection.close());
  return answer(connection, await Promise.race([readAnswer(connection), failed.promise]), request);
}
