/** gRPC servers from generated services: `createGrpcServer({ services: [implement(Version, {…})] }).listen(path)`. */
import type { Socket as NodeSocket } from "node:net";
import type { DescMethod } from "@bufbuild/protobuf";
import { SkiffError } from "../../lib/errors.ts";
import type { Tracer } from "../../lib/trace.ts";
import type { AnyGenService, ServiceHandlers, ServiceImplementation } from "./api.ts";
import { Connection } from "./connection.ts";
import type { HeaderField } from "./hpack-table.ts";
import { pathOf } from "./methods.ts";
import { type Handler, refuse, ServerCall, type ServerMethod } from "./server-call.ts";
import type { Stream, StreamListener } from "./stream.ts";
import { adoptSocket, listenUnix, type Transport, type UnixListener } from "./transport.ts";

/** Handlers at work at once, over all connections; also those whose client has gone (CVE-2023-44487). */
const HANDLERS_MAX = 16_384;

export interface GrpcServerOptions {
  readonly services: readonly ServiceImplementation[];
  /** Makes a span of each call that carries a `traceparent`. */
  readonly tracer?: Tracer;
  /** A handler threw what is no SkiffError. The client gets status `unknown`. */
  readonly onFault?: (path: string, error: unknown) => void;
}

export interface GrpcServer {
  /** Listens on a unix socket, which must not exist. The caller sets its mode and removes it. */
  listen(path: string): void;
  /** Serves a socket that is connected already, such as one that HTTP/1.1 upgraded; `head` was read from it. */
  attach(socket: NodeSocket, head?: Uint8Array): void;
  /** Takes no more calls, waits up to `graceMs` for those at work, then closes all. */
  close(graceMs?: number): Promise<void>;
}

/** Ties handlers to a service. */
export function implement<S extends { readonly method: object }>(
  service: S,
  handlers: ServiceHandlers<S>,
): ServiceImplementation {
  return { service: service as unknown as AnyGenService, handlers: handlers as Record<string, unknown> };
}

function methodTable(services: readonly ServiceImplementation[]): ReadonlyMap<string, ServerMethod> {
  const table = new Map<string, ServerMethod>();
  for (const { service, handlers } of services) {
    for (const [name, method] of Object.entries(service.method as Record<string, DescMethod>)) {
      table.set(pathOf(method), { method, handler: handlers[name] as Handler | undefined });
    }
  }
  return table;
}

/** A stream before its headers have come: they decide who serves it. */
class Arriving implements StreamListener {
  constructor(
    private readonly stream: Stream,
    private readonly begin: (stream: Stream, fields: readonly HeaderField[], end: boolean) => void,
  ) {}

  headers(fields: readonly HeaderField[], end: boolean): void {
    this.begin(this.stream, fields, end);
  }

  data(): void {}

  failed(): void {}
}

class Server implements GrpcServer {
  private readonly methods: ReadonlyMap<string, ServerMethod>;
  private readonly connections = new Set<Connection>();
  private listeners: UnixListener[] = [];
  private handlersAtWork = 0;
  private whenEmpty: (() => void) | undefined;

  constructor(private readonly options: GrpcServerOptions) {
    this.methods = methodTable(options.services);
  }

  listen(path: string): void {
    this.listeners.push(listenUnix(path, (transport) => this.accept(transport)));
  }

  attach(socket: NodeSocket, head?: Uint8Array): void {
    adoptSocket(socket, (transport) => this.accept(transport), head);
  }

  async close(graceMs = 1000): Promise<void> {
    for (const listener of this.listeners) listener.stop();
    this.listeners = [];
    for (const connection of [...this.connections]) connection.leave();
    if (this.connections.size > 0) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, graceMs);
      });
      const empty = new Promise<void>((resolve) => {
        this.whenEmpty = resolve;
      });
      await Promise.race([late, empty]);
      clearTimeout(timer);
    }
    for (const connection of [...this.connections]) connection.close();
  }

  private accept(transport: Transport): Connection {
    const connection: Connection = new Connection(transport, "server", {
      accept: (stream) =>
        this.handlersAtWork < HANDLERS_MAX
          ? new Arriving(stream, (...headers) => this.begin(connection, ...headers))
          : undefined,
      draining: () => {},
      closed: () => {
        this.connections.delete(connection);
        if (this.connections.size === 0) this.whenEmpty?.();
      },
    });
    this.connections.add(connection);
    return connection;
  }

  private begin(connection: Connection, stream: Stream, fields: readonly HeaderField[], end: boolean): void {
    const header = (name: string) => fields.find((field) => field[0] === name)?.[1];
    const path = header(":path") ?? "";
    const target = this.methods.get(path);
    if (header(":method") !== "POST" || !(header("content-type") ?? "").startsWith("application/grpc")) {
      refuse(connection, stream, new SkiffError("invalid_argument", "not a gRPC call"));
      return;
    }
    if (target === undefined) {
      const service = path.slice(1, path.lastIndexOf("/"));
      const known = this.options.services.some((entry) => entry.service.typeName === service);
      const message = known ? `unknown method ${path}` : `unknown service ${service}`;
      refuse(connection, stream, new SkiffError("unimplemented", message));
      return;
    }
    let call: ServerCall;
    try {
      call = new ServerCall(target, this.partsOf(connection, stream), fields);
    } catch (error) {
      refuse(connection, stream, error as SkiffError);
      return;
    }
    stream.listener = call;
    this.handlersAtWork++;
    call.run();
    if (end) call.headers([], true);
  }

  private partsOf(connection: Connection, stream: Stream) {
    return {
      connection,
      stream,
      tracer: this.options.tracer,
      onDone: () => {
        this.handlersAtWork--;
      },
      onFault: this.options.onFault ?? (() => {}),
    };
  }
}

export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  return new Server(options);
}
