/**
 * Descriptors as streams. Bun has one way for each kind that works (BUN.md, section 14), all the others lose data or hang:
 * pipes, FIFOs and ptys must not block and are read by `Bun.file(fd).stream()`; sockets go to `Bun.connect({ fd })`.
 */
import { setNonBlocking } from "./descriptors.ts";
import { errnoOf } from "./errno.ts";
import { linuxKernel } from "./linux.ts";

/** Reads a pipe, FIFO or pty master until its end. The descriptor stays open: whoever made it closes it, after the stream has ended. */
export async function* readFd(fd: number): AsyncGenerator<Uint8Array> {
  setNonBlocking(linuxKernel, fd);
  try {
    for await (const chunk of Bun.file(fd).stream()) yield chunk;
  } catch (error) {
    // A pty master answers EIO when the last one on the other side has gone: its end of file.
    if ((error as NodeJS.ErrnoException).code !== "EIO") throw error;
  }
}

export interface FdWriter {
  /** Resolves when the bytes are in the pipe; false when the reader has gone. */
  write(data: Uint8Array): Promise<boolean>;
}

const RETRY_MS_MAX = 32;

/** Writes to a pipe, FIFO or pty master without ever blocking the event loop; the descriptor stays open. */
export function writeFd(fd: number): FdWriter {
  setNonBlocking(linuxKernel, fd);
  const attempt = (data: Uint8Array): number => {
    try {
      return linuxKernel.write(fd, data);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "EAGAIN") return 0;
      if (errno === "EPIPE" || errno === "EIO") return -1;
      throw error;
    }
  };
  return {
    async write(data) {
      let delayMs = 1;
      for (let done = 0; done < data.length; ) {
        const count = attempt(data.subarray(done));
        if (count < 0) return false;
        done += count;
        if (count > 0) delayMs = 1;
        else {
          // The pipe is full: a slow reader is asked again, less and less often.
          await Bun.sleep(delayMs);
          delayMs = Math.min(delayMs * 2, RETRY_MS_MAX);
        }
      }
      return true;
    },
  };
}

export interface SocketHandlers {
  data(chunk: Uint8Array): void;
  /** The peer will send no more, and we still may. After our own `shutdown` Bun reports it by `close` alone. */
  end(): void;
  /** Room again after a short write. */
  drain(): void;
  close(): void;
}

export interface FdSocket {
  /** Bytes taken, -1 once it is closed (then `close` comes and `drain` never does). */
  write(data: Uint8Array): number;
  /** Ends our direction only. */
  shutdown(): void;
  close(): void;
}

/** Takes over a connected stream socket: from now on Bun owns the descriptor. */
export async function adoptSocket(fd: number, handlers: SocketHandlers): Promise<FdSocket> {
  const socket = await Bun.connect({
    fd,
    allowHalfOpen: true,
    socket: {
      data: (_: unknown, chunk: Uint8Array) => handlers.data(chunk),
      end: () => handlers.end(),
      drain: () => handlers.drain(),
      close: () => handlers.close(),
      error: () => {},
    },
  } as unknown as Bun.TCPSocketConnectOptions<undefined>);
  return {
    write: (data) => socket.write(data),
    shutdown: () => void socket.shutdown(),
    close: () => void socket.terminate(),
  };
}
