/**
 * A supervisor seen from the shim: `skiff-init supervise`, one per container process (native/SUPERVISOR.md).
 *
 * The first connection is a socketpair that the supervisor inherits as fd 3: its frames say whether the launch worked, with
 * nothing to poll. Later ones, after a restart of ours, go to `control.sock` in the record directory.
 */
import { closeSync, openSync } from "node:fs";
import type { Exit } from "../contracts/shim/task.ts";
import { SkiffError } from "../lib/errors.ts";
import { CONTROL, createFrameReader, encodeFrame, type Frame, u32, viewOf } from "./frames.ts";
import { openProcessRecord } from "./records.ts";
import { socketPair } from "./socket-pair.ts";

export interface Supervisor {
  readonly pid: number;
  /** The plan executor's trace; empty after a reconnection. */
  readonly trace: Uint8Array;
  /** The process has ended, others of its container may still hold its output open. */
  readonly ended: Promise<void>;
  /** The exit that the supervisor told or left in its record; undefined: it died and left none. */
  readonly exited: Promise<Exit | undefined>;
  /** Sends a signal; answers 0 or an errno, ESRCH when the process is gone. */
  signal(signal: number): Promise<number>;
  resize(columns: number, rows: number): Promise<number>;
  closeStdin(): Promise<number>;
}

export interface SpawnSupervisor {
  readonly initPath: string;
  readonly id: string;
  readonly directory: string;
  /** Words for stdio and launch. */
  readonly words: readonly string[];
}

/** A launch that hangs is given up: foreign runtimes have been seen to. */
const LAUNCH_MS_MAX = 120_000;
const RECONNECT_MS_MAX = 30_000;
const ESRCH = 3;

interface Connection {
  readonly ready: Promise<Frame>;
  readonly ended: Promise<void>;
  readonly exited: Promise<Exit | undefined>;
  ask(type: number, payload?: Uint8Array): Promise<number>;
}

function parseExit(payload: Uint8Array, pid: number): Exit {
  const view = viewOf(payload);
  return { pid, exitStatus: view.getUint32(0), exitedAtNs: view.getBigUint64(4) };
}

/** Speaks frames over whatever `open` connects. `directory` has the record to fall back on when the connection ends. */
async function connect(
  directory: string,
  open: (handler: Bun.SocketHandler<undefined>) => Promise<Bun.Socket<undefined>>,
): Promise<Connection> {
  const ready = Promise.withResolvers<Frame>();
  const ended = Promise.withResolvers<void>();
  const exited = Promise.withResolvers<Exit | undefined>();
  const answers: ((errno: number) => void)[] = [];
  const read = createFrameReader();
  let closed = false;
  let pid = 0;
  const take = (frame: Frame): void => {
    if (frame.type === CONTROL.ready) pid = viewOf(frame.payload).getUint32(0);
    if (frame.type === CONTROL.ready || frame.type === CONTROL.failed) ready.resolve(frame);
    if (frame.type === CONTROL.ended || frame.type === CONTROL.exit) ended.resolve();
    if (frame.type === CONTROL.exit) exited.resolve(parseExit(frame.payload, pid));
    if (frame.type === CONTROL.answer) answers.shift()?.(viewOf(frame.payload).getUint32(0));
  };
  const end = (): void => {
    if (closed) return;
    closed = true;
    ready.resolve({ type: CONTROL.failed, payload: new TextEncoder().encode("supervisor died") });
    for (const answer of answers.splice(0)) answer(ESRCH);
    ended.resolve();
    exited.resolve(openProcessRecord(directory).exit());
  };
  const socket = await open({
    data(socket, bytes) {
      try {
        for (const frame of read(bytes)) take(frame);
      } catch {
        socket.terminate();
        end();
      }
    },
    close: end,
    error: end,
  });
  return {
    ready: ready.promise,
    ended: ended.promise,
    exited: exited.promise,
    ask: (type, payload) =>
      new Promise((resolve) => {
        if (closed) return resolve(ESRCH);
        answers.push(resolve);
        socket.write(encodeFrame(type, payload));
      }),
  };
}

function supervisorOf(connection: Connection, ready: Frame): Supervisor {
  const size = (columns: number, rows: number): Uint8Array =>
    Uint8Array.of(rows >> 8, rows & 255, columns >> 8, columns & 255);
  return {
    pid: viewOf(ready.payload).getUint32(0),
    trace: ready.payload.subarray(4),
    ended: connection.ended,
    exited: connection.exited,
    signal: (signal) => connection.ask(CONTROL.signal, u32(signal)),
    resize: (columns, rows) => connection.ask(CONTROL.resize, size(columns, rows)),
    closeStdin: () => connection.ask(CONTROL.closeStdin),
  };
}

/** Starts a supervisor and waits for its launch. A launch that fails is `unknown` with the supervisor's words. */
export async function spawnSupervisor(request: SpawnSupervisor): Promise<Supervisor> {
  const [ours, theirs] = socketPair();
  const argv = [request.initPath, "supervise", "--id", request.id, "--dir", request.directory];
  let child: Bun.Subprocess;
  try {
    child = Bun.spawn([...argv, ...request.words], {
      argv0: "skiff-init:", // the supervisor appends its id for `ps`
      cwd: "/",
      stdio: ["ignore", "ignore", "ignore", theirs],
      detached: true,
    });
  } catch (error) {
    closeSync(ours);
    throw error;
  } finally {
    closeSync(theirs);
  }
  child.unref();
  const connection = await connect(request.directory, (socket) => Bun.connect({ fd: ours, socket } as never));
  const timer = setTimeout(() => child.kill("SIGKILL"), LAUNCH_MS_MAX);
  const ready = await connection.ready;
  clearTimeout(timer);
  if (ready.type === CONTROL.failed) throw new SkiffError("unknown", Buffer.from(ready.payload).toString());
  return supervisorOf(connection, ready);
}

/** Reaches a supervisor that another process of ours started; undefined when it is gone. */
export async function findSupervisor(directory: string): Promise<Supervisor | undefined> {
  let fd: number;
  try {
    fd = openSync(directory, "r");
  } catch {
    return undefined;
  }
  try {
    /* Through the fd, because a socket's path has 107 bytes at most. */
    const unix = `/proc/self/fd/${fd}/control.sock`;
    const connection = await connect(directory, (socket) => Bun.connect({ unix, socket }));
    /* It is silent while its launch goes on. */
    const silence = Promise.withResolvers<undefined>();
    const timer = setTimeout(silence.resolve, RECONNECT_MS_MAX);
    const ready = await Promise.race([connection.ready, silence.promise]);
    clearTimeout(timer);
    return ready?.type === CONTROL.ready ? supervisorOf(connection, ready) : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}
