/**
 * One attached process: our streams to its, until it ends, its output does, or the user detaches.
 *
 *     stdin ──► keys looked through for the detach sequence (terminals only) ──► connection ──► half-close at our end of input
 *     connection ──► raw to stdout (terminal), or frames taken apart to stdout and stderr
 */

import { isTerminal, writeStderr, writeStdout } from "../../kernel/stdout.ts";
import { enterRawMode } from "../../kernel/terminal.ts";
import type { ClientStream } from "../../wire/http1/client.ts";
import { demultiplex } from "./frames.ts";
import { openStdin } from "./stdin.ts";

export interface AttachOptions {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

export interface Attached extends Disposable {
  /** Resolves when the output has ended. */
  readonly output: Promise<void>;
}

const STDIN = 0;

async function pumpInput(stream: ClientStream, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of pieces) await stream.write(piece);
  stream.closeWrite();
}

/** Takes the terminal over where there is one. */
export function attachStreams(stream: ClientStream, options: AttachOptions): Attached {
  const { tty, stdin } = options;
  const leaveRaw = tty && stdin && isTerminal(STDIN) ? enterRawMode(STDIN) : () => {};
  const input = stdin ? openStdin() : undefined;
  // Its end is not ours: the process may have much to say after we have.
  if (input !== undefined) pumpInput(stream, input.pieces).catch(() => stream.closeWrite());
  else stream.closeWrite();
  const out = (bytes: Uint8Array) => void (options.stdout && writeStdout(bytes));
  const err = (bytes: Uint8Array) => void (options.stderr && writeStderr(bytes));
  const copy = async (): Promise<void> => {
    if (tty) for await (const bytes of stream.input) out(bytes);
    else await demultiplex(stream.input, { out, err });
  };
  return {
    output: copy(),
    [Symbol.dispose]() {
      leaveRaw();
      input?.restore();
      stream.close();
    },
  };
}
