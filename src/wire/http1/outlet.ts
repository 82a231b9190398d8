/** What goes out on a connection. */
import type { Socket } from "node:net";

export interface Outlet {
  /** Resolves when more may be written; also when the connection has gone: nobody reads it then. */
  write(bytes: Uint8Array | string): Promise<void>;
  /** No more will be written; the other direction goes on. */
  end(): void;
  readonly gone: AbortSignal;
}

const DONE = Promise.resolve();

/** @param gone aborted when the connection has gone */
export function createOutlet(socket: Socket, gone: AbortSignal): Outlet {
  let draining: Promise<void> | undefined;
  const drained = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = () => {
      socket.off("drain", done);
      gone.removeEventListener("abort", done);
      draining = undefined;
      resolve();
    };
    socket.once("drain", done);
    gone.addEventListener("abort", done, { once: true });
    return promise;
  };
  return {
    gone,
    write(bytes) {
      if (gone.aborted || socket.destroyed || socket.writableEnded) return DONE;
      if (socket.write(bytes)) return DONE;
      draining ??= drained();
      return draining;
    },
    end() {
      if (!socket.writableEnded) socket.end();
    },
  };
}
