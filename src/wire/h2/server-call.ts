/** One call of a server: from the stream's frames to the handler and back to response and trailers. */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { isSkiffError, SkiffError } from "../../lib/errors.ts";
import { parseTraceparent, type TraceContext, type Tracer } from "../../lib/trace.ts";
import type { CallContext } from "./api.ts";
import type { Connection } from "./connection.ts";
import { hpackEncode } from "./hpack.ts";
import type { HeaderField } from "./hpack-table.ts";
import { Inbox } from "./inbox.ts";
import { MessageReader } from "./messages.ts";
import { metadataOf } from "./metadata.ts";
import { decodeMessageBytes, encodeMessagePieces, pathOf } from "./methods.ts";
import { errorTrailers, TRAILERS_OK } from "./status.ts";
import type { Stream, StreamListener } from "./stream.ts";
import { parseTimeout } from "./timeout.ts";

const RESPONSE_FIELDS: readonly HeaderField[] = [
  [":status", "200"],
  ["content-type", "application/grpc"],
];
const RESPONSE_HEADERS = hpackEncode(RESPONSE_FIELDS);

export type Handler = (request: unknown, context: CallContext) => unknown;

export interface ServerMethod {
  readonly method: DescMethod;
  /** Undefined: the service does not implement it. */
  readonly handler: Handler | undefined;
}

export interface ServerCallParts {
  readonly connection: Connection;
  readonly stream: Stream;
  readonly tracer: Tracer | undefined;
  /** The handler has ended, whether or not the client still listens. */
  readonly onDone: () => void;
  /** An error that is no SkiffError: a fault in a handler. */
  readonly onFault: (path: string, error: unknown) => void;
}

class Context implements CallContext {
  private controller: AbortController | undefined;
  private aborted = false;
  trace: TraceContext | undefined;

  constructor(readonly metadata: ReadonlyMap<string, string>) {
    this.trace = parseTraceparent(metadata.get("traceparent"));
  }

  /** Made when first asked for: most handlers do not. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.aborted) this.controller.abort();
    return this.controller.signal;
  }

  abort(): void {
    this.aborted = true;
    this.controller?.abort();
  }
}

/** Answers a call that has no handler: headers and trailers in one block. */
export function refuse(connection: Connection, stream: Stream, error: SkiffError): void {
  connection.sendHeaders(stream, hpackEncode([...RESPONSE_FIELDS, ...errorTrailers(error)]), true);
}

export class ServerCall implements StreamListener {
  private readonly reader = new MessageReader();
  private readonly requests: Inbox<Message>;
  private readonly context: Context;
  private headersSent = false;
  private over = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly target: ServerMethod,
    private readonly parts: ServerCallParts,
    fields: readonly HeaderField[],
  ) {
    this.context = new Context(metadataOf(fields));
    this.requests = new Inbox(
      (bytes) => parts.connection.consumed(parts.stream, bytes),
      // A handler may answer without reading all: the client learns by the status.
      () => {},
    );
    const timeout = fields.find((field) => field[0] === "grpc-timeout")?.[1];
    if (timeout !== undefined) this.arm(parseTimeout(timeout));
  }

  /** Runs the handler; it may begin before the requests have come. */
  run(): void {
    const { method } = this.target;
    const { tracer, onDone } = this.parts;
    const work = () =>
      tracer === undefined || this.context.trace === undefined
        ? this.handle()
        : tracer.span(this.context.trace, `${method.parent.name}.${method.name}`, (trace) => {
            this.context.trace = trace;
            return this.handle();
          });
    work()
      .catch((error: unknown) => this.fail(error))
      .finally(onDone);
  }

  headers(_fields: readonly HeaderField[], end: boolean): void {
    if (end) this.requests.end();
  }

  data(part: Uint8Array, end: boolean): void {
    if (this.over) return;
    try {
      this.reader.push(part, (bytes) =>
        this.requests.push(decodeMessageBytes(this.target.method.input, bytes)),
      );
      if (end && !this.reader.atBoundary) throw new SkiffError("internal", "request ends inside a message");
    } catch (error) {
      this.fail(error);
      return;
    }
    this.requests.arrived(part.length);
    if (end) this.requests.end();
  }

  failed(error: SkiffError): void {
    this.stop(error);
  }

  private async handle(): Promise<void> {
    const { method, handler } = this.target;
    if (handler === undefined)
      throw new SkiffError("unimplemented", `method ${pathOf(method)} not implemented`);
    const kind = method.methodKind;
    const streamsIn = kind === "client_streaming" || kind === "bidi_streaming";
    const request = streamsIn ? this.requests : await this.singleRequest();
    const result = handler(request, this.context);
    if (kind === "unary" || kind === "client_streaming") this.answer(await result);
    else await this.answerAll(result as AsyncIterable<unknown>);
  }

  private async singleRequest(): Promise<Message> {
    const first = await this.requests.next();
    if (first.done === true) throw new SkiffError("internal", "call without a request");
    return first.value;
  }

  private answer(response: unknown): void {
    if (this.over) return;
    const pieces = encodeMessagePieces(this.target.method.output, response);
    this.sendResponseHeaders();
    this.parts.connection.send(this.parts.stream, pieces);
    this.end(TRAILERS_OK);
  }

  private async answerAll(responses: AsyncIterable<unknown>): Promise<void> {
    // Told before the first response: the client knows by it that, say, its subscription stands.
    this.sendResponseHeaders();
    for await (const response of responses) {
      if (this.over) return;
      await this.parts.connection.send(
        this.parts.stream,
        encodeMessagePieces(this.target.method.output, response),
      );
      if (this.over) return;
    }
    this.end(TRAILERS_OK);
  }

  private sendResponseHeaders(): void {
    if (this.headersSent || this.over) return;
    this.headersSent = true;
    this.parts.connection.sendHeaders(this.parts.stream, RESPONSE_HEADERS, false);
  }

  private fail(error: unknown): void {
    if (!isSkiffError(error) && !this.over) this.parts.onFault(pathOf(this.target.method), error);
    if (this.over) return;
    const trailers = errorTrailers(error);
    if (this.headersSent) this.end(hpackEncode(trailers));
    else {
      this.parts.connection.sendHeaders(
        this.parts.stream,
        hpackEncode([...RESPONSE_FIELDS, ...trailers]),
        true,
      );
    }
    this.stop(error);
  }

  private end(trailers: Uint8Array): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.timer);
    this.parts.connection.finish(this.parts.stream, trailers);
  }

  /** Nobody listens any more: the handler is told. */
  private stop(error: unknown): void {
    clearTimeout(this.timer);
    this.over = true;
    this.requests.fail(error);
    this.context.abort();
  }

  private arm(ms: number): void {
    const late = () => this.fail(new SkiffError("deadline_exceeded", "context deadline exceeded"));
    this.timer = setTimeout(late, ms);
  }
}
