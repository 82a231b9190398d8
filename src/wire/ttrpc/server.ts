/** A ttrpc server from generated services: `createTtrpcServer([{ name: "containerd.task.v2.Task", implementation }]).listen(path)`. */
import {
  create,
  type DescMessage,
  type DescMethod,
  type Message,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { codeOf, ERROR_CODES, messageOf, SkiffError } from "../../lib/errors.ts";
import { parseTraceparent } from "../../lib/trace.ts";
import type { CallContext, ServiceImplementation } from "../h2/api.ts";
import { decodeMessageBytes } from "../h2/methods.ts";
import { listenUnix, type Transport, type UnixListener } from "../h2/transport.ts";
import { FrameConnection } from "./connection.ts";
import { decodeRequest, encodeResponse, type Request } from "./envelope.ts";
import { type Frame, TYPE } from "./frames.ts";

/** Calls at work on one connection. */
const CALLS_MAX = 4096;
const NOTHING = new Uint8Array();

export interface TtrpcService {
  /** On the wire; the same implementation may serve several versions of a service. */
  readonly name: string;
  readonly implementation: ServiceImplementation;
}

export interface TtrpcServer {
  /** Listens on a unix socket, which must not exist. */
  listen(path: string): void;
  close(): void;
}

type Handler = (request: Message, context: CallContext) => unknown;

interface Method {
  readonly method: DescMethod;
  readonly handler: Handler | undefined;
}

function tableOf(services: readonly TtrpcService[]): ReadonlyMap<string, Method> {
  const table = new Map<string, Method>();
  for (const { name, implementation } of services) {
    for (const method of Object.values(implementation.service.method as Record<string, DescMethod>)) {
      const handler = implementation.handlers[method.localName] as Handler | undefined;
      table.set(`${name}/${method.name}`, { method, handler });
    }
  }
  return table;
}

async function call(
  table: ReadonlyMap<string, Method>,
  request: Request,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const found = table.get(`${request.service}/${request.method}`);
  if (found?.handler === undefined || found.method.methodKind !== "unary")
    throw new SkiffError("unimplemented", `${request.service}/${request.method}: not implemented`);
  const { method, handler } = found;
  const trace = parseTraceparent(request.metadata.get("traceparent"));
  const context: CallContext = { metadata: request.metadata, signal, trace };
  const answer = await handler(decodeMessageBytes(method.input, request.payload), context);
  return toBinary(method.output, create(method.output, answer as MessageInitShape<DescMessage>));
}

async function answer(
  table: ReadonlyMap<string, Method>,
  frame: Frame,
  gone: AbortSignal,
): Promise<Uint8Array> {
  try {
    if (frame.type !== TYPE.request)
      throw new SkiffError("unimplemented", "streaming calls are not supported");
    const request = decodeRequest(frame.body);
    const timeoutMs = Number(request.timeoutNs / 1_000_000n);
    const signal = timeoutMs > 0 ? AbortSignal.any([gone, AbortSignal.timeout(timeoutMs)]) : gone;
    const payload = await call(table, request, signal);
    return encodeResponse({ code: 0, message: "", payload });
  } catch (error) {
    const code = ERROR_CODES[codeOf(error)].grpc;
    return encodeResponse({ code, message: messageOf(error), payload: NOTHING });
  }
}

export function createTtrpcServer(services: readonly TtrpcService[]): TtrpcServer {
  const table = tableOf(services);
  const connections = new Set<FrameConnection>();
  let listener: UnixListener | undefined;
  const accept = (transport: Transport): FrameConnection => {
    const gone = new AbortController();
    let calls = 0;
    const serve = async (frame: Frame): Promise<void> => {
      if (++calls > CALLS_MAX) return connection.close();
      const body = await answer(table, frame, gone.signal);
      calls--;
      if (!gone.signal.aborted) connection.send(frame.stream, TYPE.response, body);
    };
    const connection: FrameConnection = new FrameConnection(transport, {
      frame: (frame) => void serve({ ...frame, body: Uint8Array.from(frame.body) }),
      closed() {
        gone.abort();
        connections.delete(connection);
      },
    });
    connections.add(connection);
    return connection;
  };
  return {
    listen(path) {
      listener = listenUnix(path, accept);
    },
    close() {
      listener?.stop();
      for (const connection of [...connections]) connection.close();
    },
  };
}
