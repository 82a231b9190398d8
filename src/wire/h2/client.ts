/** gRPC clients from generated services: `createClient(Tasks, createChannel({ path })).get({ containerId })`. */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { SkiffError } from "../../lib/errors.ts";
import type { CallOptions, Client } from "./api.ts";
import type { Channel } from "./channel.ts";
import { ClientCall } from "./client-call.ts";
import { hpackEncode } from "./hpack.ts";
import type { HeaderField } from "./hpack-table.ts";
import { pathOf } from "./methods.ts";
import { formatTimeout } from "./timeout.ts";

export { type Channel, type ChannelOptions, createChannel, createChannelOver } from "./channel.ts";

const PRINTABLE = /^[\x20-\x7e]*$/;

/** The request's header block; what is the same for each call is encoded once. */
function createHeaderBlocks(path: string, channel: Channel): (options: CallOptions) => Uint8Array {
  const fixed: HeaderField[] = [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "localhost"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ["user-agent", "grpc-skiff/0.1"],
  ];
  const common = hpackEncode([...fixed, ...metadataFields(channel.metadata)]);
  return (options) => {
    if (options.metadata === undefined && options.timeoutMs === undefined) return common;
    const fields = metadataFields(options.metadata ?? {});
    if (options.timeoutMs !== undefined) fields.push(["grpc-timeout", formatTimeout(options.timeoutMs)]);
    return Buffer.concat([common, hpackEncode(fields)]);
  };
}

function metadataFields(metadata: Readonly<Record<string, string>>): HeaderField[] {
  const fields = Object.entries(metadata);
  for (const [name, value] of fields) {
    if (!PRINTABLE.test(value))
      throw new SkiffError("invalid_argument", `metadata ${name}: not printable ASCII`);
  }
  return fields;
}

/** Starts a call and lets `body` send its requests, at once when the connection is there. */
function begin(
  call: ClientCall,
  channel: Channel,
  block: Uint8Array,
  body: (call: ClientCall) => void,
): void {
  const start = (connection: Awaited<ReturnType<Channel["acquire"]>>) => {
    if (call.finished) return;
    call.start(connection, block);
    body(call);
  };
  const connection = channel.acquire();
  if (connection instanceof Promise) {
    connection.then(start).catch((error: SkiffError) => call.cancel(error));
    return;
  }
  start(connection);
}

async function sendAll(call: ClientCall, requests: AsyncIterable<unknown>): Promise<void> {
  try {
    for await (const request of requests) {
      await call.send(request);
      if (call.finished) return;
    }
    call.endRequests();
  } catch (error) {
    const failed = new SkiffError(
      "canceled",
      `requests failed: ${error instanceof Error ? error.message : error}`,
      {
        cause: error,
      },
    );
    call.cancel(failed);
  }
}

async function single(method: DescMethod, call: ClientCall): Promise<Message> {
  const first = await call.responses.next();
  if (first.done === true) throw new SkiffError("internal", `${pathOf(method)}: no response`);
  const second = await call.responses.next();
  if (second.done !== true) throw new SkiffError("internal", `${pathOf(method)}: more than one response`);
  return first.value;
}

function createMethod(method: DescMethod, channel: Channel): unknown {
  const headerBlock = createHeaderBlocks(pathOf(method), channel);
  const streamsRequests = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
  const streamsResponses = method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
  return (request: unknown, options: CallOptions = {}): unknown => {
    const call = new ClientCall(method, options);
    begin(call, channel, headerBlock(options), () => {
      if (streamsRequests) {
        void sendAll(call, request as AsyncIterable<unknown>);
        return;
      }
      call.send(request);
      call.endRequests();
    });
    return streamsResponses ? call.responses : single(method, call);
  };
}

/** A client of one service. Methods are made when first used. */
export function createClient<S extends { readonly method: object }>(service: S, channel: Channel): Client<S> {
  const made: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(service.method as Record<string, DescMethod>)) {
    Object.defineProperty(made, name, {
      enumerable: true,
      configurable: true,
      get() {
        const value = createMethod(method, channel);
        Object.defineProperty(made, name, { value, enumerable: true });
        return value;
      },
    });
  }
  return made as Client<S>;
}
