/** A ttrpc client of generated services, one connection: `createTtrpcClient(Events, "…Events", await connectTtrpc(path)).forward(…)`. */
import {
  create,
  type DescMessage,
  type DescMethod,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { codeFromGrpc, SkiffError } from "../../lib/errors.ts";
import type { CallOptions, Client } from "../h2/api.ts";
import { decodeMessageBytes } from "../h2/methods.ts";
import { connectUnix } from "../h2/transport.ts";
import { FrameConnection } from "./connection.ts";
import { decodeResponse, encodeRequest } from "./envelope.ts";
import { type Frame, TYPE } from "./frames.ts";

export interface TtrpcChannel {
  /** Answers the payload. @throws the server's error; unavailable when the connection ends. */
  call(service: string, method: string, payload: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
  readonly closed: Promise<void>;
  close(): void;
}

type Waiter = PromiseWithResolvers<Uint8Array>;

function settle(waiter: Waiter, frame: Frame): void {
  try {
    const { code, message, payload } = decodeResponse(frame.body);
    if (code === 0) waiter.resolve(payload);
    else waiter.reject(new SkiffError(codeFromGrpc(code), message));
  } catch (error) {
    waiter.reject(error);
  }
}

/** @throws unavailable when nobody listens. */
export async function connectTtrpc(path: string): Promise<TtrpcChannel> {
  const waiting = new Map<number, Waiter>();
  const ended = Promise.withResolvers<void>();
  let connection: FrameConnection | undefined;
  let next = 1;
  await connectUnix(path, (transport) => {
    connection = new FrameConnection(transport, {
      frame(frame) {
        const waiter = waiting.get(frame.stream);
        waiting.delete(frame.stream);
        if (waiter !== undefined) settle(waiter, frame);
      },
      closed() {
        for (const { reject } of waiting.values()) reject(new SkiffError("unavailable", "ttrpc: closed"));
        waiting.clear();
        ended.resolve();
      },
    });
    return connection;
  });
  const call: TtrpcChannel["call"] = async (service, method, payload, options = {}) => {
    const stream = next;
    next += 2;
    const waiter = Promise.withResolvers<Uint8Array>();
    const forget = (error: SkiffError): void => {
      waiting.delete(stream);
      waiter.reject(error);
    };
    const { timeoutMs, signal } = options;
    const late = () => forget(new SkiffError("deadline_exceeded", `${service}/${method}: no answer`));
    const canceled = () => forget(new SkiffError("canceled", `${service}/${method}: canceled`));
    const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs);
    signal?.addEventListener("abort", canceled);
    waiting.set(stream, waiter);
    const metadata = new Map(Object.entries(options.metadata ?? {}));
    const timeoutNs = BigInt(timeoutMs ?? 0) * 1_000_000n;
    try {
      connection!.send(
        stream,
        TYPE.request,
        encodeRequest({ service, method, payload, timeoutNs, metadata }),
      );
      return await waiter.promise;
    } finally {
      waiting.delete(stream);
      clearTimeout(timer);
      signal?.removeEventListener("abort", canceled);
    }
  };
  return { call, closed: ended.promise, close: () => connection!.close() };
}

/** `name`: of the service on the wire, which may differ from the descriptor's (another version with the same messages). */
export function createTtrpcClient<S extends { readonly method: object }>(
  service: S,
  name: string,
  channel: TtrpcChannel,
): Client<S> {
  const methods = service.method as Record<string, DescMethod>;
  const entries = Object.entries(methods).map(([local, method]) => [
    local,
    async (request: object, options?: CallOptions) => {
      const payload = toBinary(method.input, create(method.input, request as MessageInitShape<DescMessage>));
      return decodeMessageBytes(method.output, await channel.call(name, method.name, payload, options));
    },
  ]);
  return Object.fromEntries(entries) as Client<S>;
}
