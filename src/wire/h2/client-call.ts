/** One call of a client: from the stream's frames to messages, status and cancellation. */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { SkiffError } from "../../lib/errors.ts";
import type { CallOptions } from "./api.ts";
import type { Connection } from "./connection.ts";
import { H2 } from "./frames.ts";
import type { HeaderField } from "./hpack-table.ts";
import { Inbox } from "./inbox.ts";
import { MessageReader } from "./messages.ts";
import { decodeMessageBytes, encodeMessagePieces } from "./methods.ts";
import { errorFromTrailers } from "./status.ts";
import type { Stream, StreamListener } from "./stream.ts";

export class ClientCall implements StreamListener {
  /** Responses in order; ends with status 0, fails with any other. */
  readonly responses: Inbox<Message>;
  private readonly reader = new MessageReader();
  private connection: Connection | undefined;
  private stream: Stream | undefined;
  private accepted = false;
  private over = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly onAbort = () => this.cancel(new SkiffError("canceled", "canceled by the caller"));

  constructor(
    private readonly method: DescMethod,
    private readonly options: CallOptions,
  ) {
    this.responses = new Inbox(
      (bytes) => this.connection?.consumed(this.stream!, bytes),
      () => this.cancel(new SkiffError("canceled", "responses abandoned")),
    );
    if (options.timeoutMs !== undefined) {
      const late = () => this.cancel(new SkiffError("deadline_exceeded", "deadline exceeded"));
      this.timer = setTimeout(late, options.timeoutMs);
    }
    options.signal?.addEventListener("abort", this.onAbort);
    if (options.signal?.aborted) this.onAbort();
  }

  get finished(): boolean {
    return this.over;
  }

  start(connection: Connection, block: Uint8Array): void {
    this.connection = connection;
    this.stream = connection.open(this, block);
  }

  /** Undefined: the transport has it already. After the call's end it does nothing. */
  send(request: unknown): Promise<void> | undefined {
    if (this.over) return undefined;
    return this.connection!.send(this.stream!, encodeMessagePieces(this.method.input, request));
  }

  endRequests(): void {
    if (!this.over) this.connection!.finish(this.stream!, undefined);
  }

  cancel(error: SkiffError): void {
    if (this.over) return;
    this.close();
    if (this.stream !== undefined) this.connection!.reset(this.stream, H2.cancel);
    this.responses.fail(error);
  }

  headers(fields: readonly HeaderField[], end: boolean): void {
    if (this.over) return;
    if (end) {
      this.complete(fields);
      return;
    }
    if (this.accepted) {
      this.cancel(new SkiffError("internal", "http2: headers in the middle"));
      return;
    }
    this.accepted = true;
    const status = fields.find((field) => field[0] === ":status")?.[1];
    if (status === "200") this.options.onAccepted?.();
    else this.cancel(errorFromTrailers(fields)!);
  }

  data(part: Uint8Array, end: boolean): void {
    if (this.over) return;
    try {
      this.reader.push(part, (bytes) => this.responses.push(decodeMessageBytes(this.method.output, bytes)));
    } catch (error) {
      this.cancel(error as SkiffError);
      return;
    }
    this.responses.arrived(part.length);
    if (end) this.failed(new SkiffError("internal", "response ends without trailers"));
  }

  failed(error: SkiffError): void {
    if (this.over) return;
    this.close();
    this.responses.fail(error);
  }

  private complete(fields: readonly HeaderField[]): void {
    this.close();
    const error = errorFromTrailers(fields);
    // A server may answer before it has read all requests; what is left of them is of no use.
    if (this.stream !== undefined && !this.stream.localEnded) this.connection!.reset(this.stream, H2.cancel);
    if (error !== undefined) this.responses.fail(error);
    else this.responses.end();
  }

  private close(): void {
    this.over = true;
    clearTimeout(this.timer);
    this.options.signal?.removeEventListener("abort", this.onAbort);
  }
}
