/**
 * HTTP/1.1 as Docker speaks it, over raw sockets: `node:http` answers 400 to clients that take a connection over without `Upgrade`.
 * PROTOCOL.md says what is and is not supported. Requests of one connection are served one after the other.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { TlsOptions } from "node:tls";
import { codeOf, ERROR_CODES, messageOf, SkiffError } from "../../lib/errors.ts";
import type { HttpHandler, HttpRequest } from "./api.ts";
import { collect, readBody, readHead } from "./body.ts";
import { hasToken, parseRequestHead, type RequestHead } from "./head.ts";
import { Inlet } from "./inlet.ts";
import { LIMITS } from "./limits.ts";
import { createOutlet, type Outlet } from "./outlet.ts";
import { ResponseWriter } from "./response.ts";
import { parseTarget } from "./target.ts";

export interface HttpServerOptions {
  readonly handle: HttpHandler;
  /** An error nobody could be told of. */
  readonly onFault: (what: string, error: unknown) => void;
}

export type ListenAddress =
  | { readonly path: string }
  | { readonly host: string; readonly port: number }
  | { readonly fd: number };

export interface HttpServer {
  /** Resolves when clients can connect; answers the port, 0 for unix sockets. May be called several times. */
  listen(address: ListenAddress, tls?: TlsOptions): Promise<number>;
  /** Takes no new connections, waits `graceMs` for what is being answered, then cuts. */
  close(graceMs: number): Promise<void>;
}

/** For the peer to close its side. */
const CLOSE_MS = 1000;

interface Connection {
  readonly socket: Socket;
  readonly inlet: Inlet;
  readonly outlet: Outlet;
  /** The peer has gone or half-closed: requests are aborted. */
  readonly ended: AbortSignal;
  busy: boolean;
}

function adopt(socket: Socket): Connection {
  const inlet = new Inlet(socket);
  const gone = new AbortController();
  const ended = new AbortController();
  const lose = () => {
    inlet.end(new SkiffError("canceled", "connection closed by peer"));
    gone.abort();
    ended.abort();
  };
  socket.on("data", (bytes: Buffer) => inlet.push(bytes));
  socket.on("end", () => {
    inlet.end();
    ended.abort();
  });
  socket.on("error", lose);
  socket.on("close", lose);
  const outlet = createOutlet(socket, gone.signal);
  return { socket, inlet, outlet, ended: ended.signal, busy: false };
}

/** The body, which says `100 Continue` when it is first asked for, to a client that waits for it. */
async function* bodyOf(connection: Connection, head: RequestHead): AsyncGenerator<Uint8Array, void> {
  if (hasToken(head.headers.get("expect"), "100-continue"))
    await connection.outlet.write("HTTP/1.1 100 Continue\r\n\r\n");
  yield* readBody(connection.inlet, head.body);
}

/** Reads away what the handler left of the body. False: too much, or not to be had. */
async function drain(body: AsyncIterator<Uint8Array>): Promise<boolean> {
  for (let length = 0; length <= LIMITS.drainBytes; ) {
    const { done, value } = await body.next();
    if (done === true) return true;
    length += value.length;
  }
  return false;
}

/**
 * Clients that attach send their options once more as a body (dockerode): that is no input. Chunks are: what follows the head of a
 * taken connection is the client's stream, whatever it announced.
 */
async function skipDeclared(body: AsyncIterator<Uint8Array>, head: RequestHead): Promise<void> {
  if (head.body.kind !== "length" || hasToken(head.headers.get("expect"), "100-continue")) return;
  for (let end: boolean | undefined = false; end !== true; ) end = (await body.next()).done;
}

function refuse(connection: Connection, message: string): void {
  void connection.outlet.write(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 ${message}`,
  );
}

/** @returns whether the connection can take another request. */
async function serveRequest(connection: Connection, head: RequestHead, options: HttpServerOptions) {
  const { inlet, outlet } = connection;
  const body = bodyOf(connection, head);
  const response = new ResponseWriter(head, inlet, outlet, () => skipDeclared(body, head));
  let asked = false;
  // Leaving the loop early must not end the generator: `drain` goes on with it.
  const bodyOnce: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]() {
      asked = true;
      return { next: () => body.next() };
    },
  };
  const request: HttpRequest = {
    ...{ method: head.method, headers: head.headers, signal: connection.ended, body: bodyOnce },
    ...parseTarget(head.target),
    bytes: (limit) => collect(bodyOnce, limit),
  };
  try {
    await options.handle(request, response);
    response.finish();
  } catch (error) {
    if (response.started) {
      // Only a torn connection tells the client that the answer is not whole.
      if (!outlet.gone.aborted) options.onFault(`${head.method} ${head.target}`, error);
      connection.socket.destroy();
      return false;
    }
    response.closeAfter();
    response.json(ERROR_CODES[codeOf(error)].http, { message: messageOf(error) });
  }
  if (response.hijacked || response.closes) return false;
  // A client that still waits for `100 Continue` never sends its body.
  const waits = !asked && hasToken(head.headers.get("expect"), "100-continue") && head.body.kind !== "none";
  return !waits && (await drain(body));
}

async function serveConnection(connection: Connection, options: HttpServerOptions): Promise<void> {
  const { socket, inlet } = connection;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const begun = () => {
    connection.busy = true;
    timer = setTimeout(() => socket.destroy(), LIMITS.headMs);
  };
  try {
    for (;;) {
      connection.busy = false;
      const bytes = await readHead(inlet, begun).finally(() => clearTimeout(timer));
      if (bytes === undefined) return;
      if (!(await serveRequest(connection, parseRequestHead(bytes), options))) return;
    }
  } catch (error) {
    if (codeOf(error) === "invalid_argument") refuse(connection, messageOf(error));
    else if (codeOf(error) !== "canceled") options.onFault("serve connection", error);
  } finally {
    // Everything written goes out first; a peer that then does not close its side is cut.
    socket.end(() => {
      const cut = setTimeout(() => socket.destroy(), CLOSE_MS);
      cut.unref();
      socket.once("close", () => clearTimeout(cut));
    });
    socket.resume();
  }
}

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const servers: Server[] = [];
  const connections = new Set<Connection>();
  const accept = (socket: Socket) => {
    const connection = adopt(socket);
    connections.add(connection);
    socket.once("close", () => connections.delete(connection));
    void serveConnection(connection, options);
  };
  return {
    async listen(address, tls) {
      const server =
        tls === undefined
          ? createServer({ allowHalfOpen: true, noDelay: true }, accept)
          : // Loaded only where it is wanted: unix sockets are the rule.
            (await import("node:tls")).createServer({ ...tls, allowHalfOpen: true, noDelay: true }, accept);
      servers.push(server);
      // A client that breaks off its handshake is no concern of ours.
      server.on("tlsClientError", () => {});
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      server.once("error", reject);
      server.listen(address, () => {
        const bound = server.address();
        resolve(typeof bound === "object" && bound !== null ? bound.port : 0);
      });
      return promise;
    },
    async close(graceMs) {
      for (const server of servers) server.close();
      for (const { socket, busy } of connections) if (!busy) socket.destroy();
      const end = Date.now() + graceMs;
      while (connections.size > 0 && Date.now() < end) await Bun.sleep(10);
      for (const { socket } of connections) socket.destroy();
    },
  };
}
