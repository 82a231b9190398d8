/** The only writer to descriptors 1 and 2. `process.stdout` costs 8 ms at start (BUN.md, finding 3); this costs nothing. */
import { fstatSync, writeSync } from "node:fs";
import { check, libc } from "./libc.ts";

const POLLOUT = 4;

/** Waits until `fd` takes more: it is non-blocking when whoever started us shares it with an event loop. */
function waitWritable(fd: number): void {
  const request = new DataView(new ArrayBuffer(8));
  request.setInt32(0, fd, true);
  request.setInt16(4, POLLOUT, true);
  check(
    () => `wait for fd ${fd}`,
    (c) => c.poll(new Uint8Array(request.buffer), 1, -1),
  );
}

/** Writes everything. A reader that has gone away (EPIPE) is not an error: there is nobody left to tell. False then. */
function writeAll(fd: number, data: string | Uint8Array): boolean {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") return false;
      if (code !== "EAGAIN") throw error;
      waitWritable(fd);
    }
  }
  return true;
}

export function writeStdout(data: string | Uint8Array): boolean {
  return writeAll(1, data);
}

export function writeStderr(data: string | Uint8Array): boolean {
  return writeAll(2, data);
}

const TCGETS = 0x5401;
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
const TERMIOS_BYTES = 64;

/** isatty(3), without loading the system calls where a look at the file's type is enough. */
export function isTerminal(fd: number): boolean {
  try {
    if (!fstatSync(fd).isCharacterDevice()) return false;
  } catch {
    return false;
  }
  return libc().ioctl(fd, TCGETS, new Uint8Array(TERMIOS_BYTES)) === 0;
}

export interface WindowSize {
  readonly columns: number;
  readonly rows: number;
}

/** undefined: no terminal, or one that does not know its size. */
export function windowSize(fd: number): WindowSize | undefined {
  const size = new Uint16Array(4);
  if (libc().ioctl(fd, TIOCGWINSZ, size) !== 0) return undefined;
  const [rows, columns] = size;
  return rows === 0 || columns === 0 ? undefined : { columns: columns!, rows: rows! };
}

export function setWindowSize(fd: number, { columns, rows }: WindowSize): void {
  const size = new Uint16Array([rows, columns, 0, 0]);
  check(
    () => `set window size of fd ${fd}`,
    (c) => c.ioctl(fd, TIOCSWINSZ, size),
  );
}
