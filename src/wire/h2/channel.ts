/**
 * A client's way to a server: one connection, made when first needed and again after it was lost.
 *
 * A call in flight when the connection breaks fails with `unavailable`; nothing is repeated behind the caller's back. Calls over
 * the server's limit of concurrent streams wait for their turn.
 */
import type { Socket as NodeSocket } from "node:net";
import { SkiffError } from "../../lib/errors.ts";
import { Connection } from "./connection.ts";
import { adoptSocket, connectUnix, type Transport } from "./transport.ts";

export interface ChannelOptions {
  /** Path of the server's unix socket. */
  readonly path: string;
  /** Sent with every call: names in lower case. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface Channel {
  readonly metadata: Readonly<Record<string, string>>;
  /** A connection with room for one more stream; a promise when it must be waited for. Fails with `unavailable`. */
  acquire(): Connection | Promise<Connection>;
  /** Ends the connection: open calls fail with `unavailable`, new ones too. */
  close(): void;
}

class ConnectingChannel implements Channel {
  private connection: Connection | undefined;
  private connecting: Promise<void> | undefined;
  private waiting: (() => void)[] = [];
  private closed = false;

  constructor(
    readonly metadata: Readonly<Record<string, string>>,
    private readonly connect: (accept: (transport: Transport) => Connection) => Promise<void>,
  ) {}

  acquire(): Connection | Promise<Connection> {
    return this.connection?.canOpen ? this.connection : this.acquireLater();
  }

  close(): void {
    this.closed = true;
    this.connection?.close();
    this.wake();
  }

  private async acquireLater(): Promise<Connection> {
    for (;;) {
      if (this.closed) throw new SkiffError("unavailable", "channel is closed");
      if (this.connection?.canOpen) return this.connection;
      if (this.connection?.usable) await new Promise<void>((resolve) => this.waiting.push(resolve));
      else await this.reconnect();
    }
  }

  private reconnect(): Promise<void> {
    this.connecting ??= this.connect((transport) => this.adopt(transport)).finally(() => {
      this.connecting = undefined;
    });
    return this.connecting;
  }

  private adopt(transport: Transport): Connection {
    const connection: Connection = new Connection(transport, "client", {
      draining: () => this.drop(connection),
      closed: () => this.drop(connection),
      released: () => this.wake(),
    });
    this.connection = connection;
    return connection;
  }

  private drop(connection: Connection): void {
    if (this.connection === connection) this.connection = undefined;
    this.wake();
  }

  private wake(): void {
    if (this.waiting.length === 0) return;
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}

export function createChannel(options: ChannelOptions): Channel {
  return new ConnectingChannel(options.metadata ?? {}, (accept) => connectUnix(options.path, accept));
}

/** A channel over a socket that is connected already (HTTP/1.1 upgraded to h2c); it does not reconnect. */
export function createChannelOver(
  socket: NodeSocket,
  options: { readonly metadata?: Readonly<Record<string, string>>; readonly head?: Uint8Array } = {},
): Channel {
  let used = false;
  return new ConnectingChannel(options.metadata ?? {}, async (accept) => {
    if (used || socket.destroyed) throw new SkiffError("unavailable", "connection closed");
    used = true;
    adoptSocket(socket, accept, options.head);
  });
}
