/** The shapes of gRPC calls, derived from generated service descriptors: what clients call and what servers implement. */
import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { GenService, GenServiceMethods } from "@bufbuild/protobuf/codegenv2";
import type { TraceContext } from "../../lib/trace.ts";

export type AnyGenService = GenService<GenServiceMethods>;

export interface CallOptions {
  /** Added to the channel's metadata; names in lower case, values in ASCII. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Cancels the call: it fails with `canceled`. */
  readonly signal?: AbortSignal;
  /** The call fails with `deadline_exceeded` after this time; the server learns it too. */
  readonly timeoutMs?: number;
  /** Called once when the server has accepted a streaming call (its response headers came). */
  readonly onAccepted?: () => void;
}

/** What a handler knows of the call beside its request. */
export interface CallContext {
  /** Names in lower case; a repeated name's values are joined by ",". */
  readonly metadata: ReadonlyMap<string, string>;
  /** Aborts when the client cancels, disconnects or its deadline passes. */
  readonly signal: AbortSignal;
  /** Parent for spans below this call; undefined when the call carries no `traceparent`. */
  readonly trace: TraceContext | undefined;
}

type Unary<I extends DescMessage, O extends DescMessage> = {
  readonly methodKind: "unary";
  readonly input: I;
  readonly output: O;
};
type ServerStreaming<I extends DescMessage, O extends DescMessage> = {
  readonly methodKind: "server_streaming";
  readonly input: I;
  readonly output: O;
};
type ClientStreaming<I extends DescMessage, O extends DescMessage> = {
  readonly methodKind: "client_streaming";
  readonly input: I;
  readonly output: O;
};
type Bidi<I extends DescMessage, O extends DescMessage> = {
  readonly methodKind: "bidi_streaming";
  readonly input: I;
  readonly output: O;
};

type ClientMethod<M> =
  M extends Unary<infer I, infer O>
    ? (request: MessageInitShape<I>, options?: CallOptions) => Promise<MessageShape<O>>
    : M extends ServerStreaming<infer I, infer O>
      ? (request: MessageInitShape<I>, options?: CallOptions) => AsyncIterable<MessageShape<O>>
      : M extends ClientStreaming<infer I, infer O>
        ? (requests: AsyncIterable<MessageInitShape<I>>, options?: CallOptions) => Promise<MessageShape<O>>
        : M extends Bidi<infer I, infer O>
          ? (
              requests: AsyncIterable<MessageInitShape<I>>,
              options?: CallOptions,
            ) => AsyncIterable<MessageShape<O>>
          : never;

/**
 * One function per method. Streaming calls start when the function is called, not when the result is first iterated; leaving the
 * iteration early cancels the call. Failures are SkiffErrors with the server's code; a lost connection is `unavailable`.
 */
export type Client<S extends { readonly method: object }> = {
  readonly [K in keyof S["method"]]: ClientMethod<S["method"][K]>;
};

type HandlerMethod<M> =
  M extends Unary<infer I, infer O>
    ? (request: MessageShape<I>, context: CallContext) => Promise<MessageInitShape<O>> | MessageInitShape<O>
    : M extends ServerStreaming<infer I, infer O>
      ? (request: MessageShape<I>, context: CallContext) => AsyncIterable<MessageInitShape<O>>
      : M extends ClientStreaming<infer I, infer O>
        ? (
            requests: AsyncIterable<MessageShape<I>>,
            context: CallContext,
          ) => Promise<MessageInitShape<O>> | MessageInitShape<O>
        : M extends Bidi<infer I, infer O>
          ? (
              requests: AsyncIterable<MessageShape<I>>,
              context: CallContext,
            ) => AsyncIterable<MessageInitShape<O>>
          : never;

/** What a server implements; a method left out answers `unimplemented`. */
export type ServiceHandlers<S extends { readonly method: object }> = {
  readonly [K in keyof S["method"]]?: HandlerMethod<S["method"][K]>;
};

/** A service with its handlers, as `implement` makes it. */
export interface ServiceImplementation {
  readonly service: AnyGenService;
  readonly handlers: Readonly<Record<string, unknown>>;
}
