/** A connection to a process's supervisor: its output as frames, its input, its terminal's size. */
import { closeSync, constants, openSync } from "node:fs";
import { basename, dirname } from "node:path";
import { FRAME, FRAME_PAYLOAD_BYTES_MAX } from "../../contracts/shim/stdio.ts";
import { SkiffError, wrap } from "../../lib/errors.ts";
import { createFrameReader, encodeFrame, type Frame } from "./frames.ts";

export interface StdioConnection {
  /** Everything since the connection was registered; ends when the process and its output have. Iterate once. */
  frames(): AsyncIterable<Frame>;
  writeStdin(bytes: Uint8Array): Promise<void>;
  closeStdin(): Promise<void>;
  close(): void;
}

/** Bytes that wait for the reader before the supervisor is made to wait. */
const BACKLOG_BYTES_MAX = 1 << 20;
const HELLO_TIMEOUT_MS = 10_000;

/** Frames between the socket's callbacks and one reader. */
class Inbox {
  readonly #frames: Frame[] = [];
  #bytes = 0;
  #ended = false;
  #wake: () => void = () => {};

  push(frame: Frame): boolean {
    this.#frames.push(frame);
    this.#bytes += frame.whole.length;
    this.#wake();
    return this.#bytes <= BACKLOG_BYTES_MAX;
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *read(resume: () => void): AsyncIterable<Frame> {
    for (;;) {
      const frames = this.#frames.splice(0);
      if (frames.length > 0) {
        this.#bytes = 0;
        resume();
        yield* frames;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

/** `sun_path` holds 107 bytes and our paths are longer: connect through the directory's descriptor. */
async function connectUnix(
  path: string,
  socket: Bun.SocketHandler<undefined>,
): Promise<Bun.Socket<undefined>> {
  const directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await Bun.connect({ unix: `/proc/self/fd/${directory}/${basename(path)}`, socket });
  } finally {
    closeSync(directory);
  }
}

/**
 * Connects and waits until the supervisor has registered the connection, so that no later output is missed.
 * @throws not_found when nobody listens there: the process has ended.
 */
export async function connectStdio(path: string): Promise<StdioConnection> {
  const inbox = new Inbox();
  const hello = Promise.withResolvers<void>();
  const read = createFrameReader();
  let drained = Promise.withResolvers<void>();
  let open = true;
  const closed = (): void => {
    open = false;
    inbox.end();
    drained.resolve();
    hello.reject(new SkiffError("not_found", `attach to ${path}: connection closed`));
  };
  hello.promise.catch(() => {});
  const socket = await connectUnix(path, {
    binaryType: "buffer",
    data(self, bytes) {
      for (const frame of read(bytes)) {
        if (frame.type === FRAME.hello) hello.resolve();
        else if (!inbox.push(frame)) self.pause();
      }
    },
    drain() {
      drained.resolve();
      drained = Promise.withResolvers<void>();
    },
    close: closed,
    end: closed,
    error: closed,
  }).catch((error: unknown) => {
    throw new SkiffError("not_found", wrap(error, `attach to ${path}`).message);
  });
  const send = async (bytes: Buffer): Promise<void> => {
    for (let at = 0; at < bytes.length && open; ) {
      const written = socket.write(bytes.subarray(at));
      if (written < 0) return;
      at += written;
      if (at < bytes.length) await drained.promise;
    }
  };
  let tail: Promise<void> = Promise.resolve();
  const queue = (bytes: Buffer): Promise<void> => (tail = tail.then(() => send(bytes)));
  const timer = setTimeout(
    () => hello.reject(new SkiffError("deadline_exceeded", `attach to ${path}: no answer`)),
    HELLO_TIMEOUT_MS,
  );
  await hello.promise.finally(() => clearTimeout(timer));
  return {
    frames: () => inbox.read(() => socket.resume()),
    closeStdin: () => queue(encodeFrame(FRAME.closeStdin)),
    close: () => void socket.end(),
    async writeStdin(bytes) {
      for (let at = 0; at < bytes.length; at += FRAME_PAYLOAD_BYTES_MAX)
        await queue(encodeFrame(FRAME.stdin, bytes.subarray(at, at + FRAME_PAYLOAD_BYTES_MAX)));
    },
  };
}
