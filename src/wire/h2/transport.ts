/**
 * The byte stream below a connection, and how Bun's sockets become one.
 *
 * Bun's raw sockets do not queue: `write` says how much the kernel took, or -1 when the socket is gone (then only `close` follows, so
 * waiters must be woken there). `node:net` sockets queue without bound, so after a `false` they count as full until "drain".
 */
import type { Socket as NodeSocket } from "node:net";
import type { Socket } from "bun";
import { SkiffError, wrap } from "../../lib/errors.ts";

export interface Transport {
  /** Offers bytes; answers how many were taken. Fewer than offered: wait for `drain`. The buffer may be reused at once. */
  write(bytes: Uint8Array): number;
  /** Closes; `closed` follows. */
  close(): void;
}

export interface TransportEvents {
  /** The bytes are the listener's to keep. */
  data(bytes: Uint8Array): void;
  drain(): void;
  /** Comes exactly once. */
  closed(): void;
}

interface SocketData {
  events: TransportEvents | undefined;
}

function bunTransport(socket: Socket<SocketData>): Transport {
  return {
    write: (bytes) => Math.max(0, socket.write(bytes)),
    close: () => {
      socket.end();
    },
  };
}

const handlers = {
  data(socket: Socket<SocketData>, bytes: Uint8Array) {
    socket.data.events?.data(bytes);
  },
  drain(socket: Socket<SocketData>) {
    socket.data.events?.drain();
  },
  close(socket: Socket<SocketData>) {
    const events = socket.data.events;
    socket.data.events = undefined;
    events?.closed();
  },
  error() {
    // `close` follows and tells all that a connection needs to know.
  },
};

export interface UnixListener {
  stop(): void;
}

/** Listens on a unix socket; `accept` is called per connection and answers where its events go. */
export function listenUnix(path: string, accept: (transport: Transport) => TransportEvents): UnixListener {
  const listener = Bun.listen<SocketData>({
    unix: path,
    socket: {
      ...handlers,
      open(socket) {
        socket.data = { events: undefined };
        socket.data.events = accept(bunTransport(socket));
      },
    },
  });
  return { stop: () => listener.stop(false) };
}

/** Connects to a unix socket. Fails with `unavailable`. */
export async function connectUnix(
  path: string,
  accept: (transport: Transport) => TransportEvents,
): Promise<void> {
  try {
    await Bun.connect<SocketData>({
      unix: path,
      data: { events: undefined },
      socket: {
        ...handlers,
        open(socket) {
          socket.data.events = accept(bunTransport(socket));
        },
      },
    });
  } catch (error) {
    throw new SkiffError("unavailable", wrap(error, `connect ${path}`).message, { cause: error });
  }
}

/** Takes over a socket of node:net, such as one that HTTP/1.1 has upgraded. `head` is what was read from it already. */
export function adoptSocket(
  socket: NodeSocket,
  accept: (transport: Transport) => TransportEvents,
  head?: Uint8Array,
): void {
  let full = false;
  const events = accept({
    write: (bytes) => {
      if (full || socket.destroyed) return 0;
      full = !socket.write(Uint8Array.from(bytes));
      return bytes.length;
    },
    close: () => {
      socket.end();
    },
  });
  socket.on("data", (bytes: Buffer) => events.data(bytes));
  socket.on("drain", () => {
    full = false;
    events.drain();
  });
  socket.on("error", () => socket.destroy());
  socket.on("end", () => socket.end());
  socket.once("close", () => events.closed());
  if (head !== undefined && head.length > 0) events.data(head);
  socket.resume();
}
