/**
 * One attached process: our streams to its, until it ends, its output does, or the user detaches.
 *
 *     stdin ──► keys looked through for the detach sequence (terminals only) ──► connection ──► half-close at our end of input
 *     connection ──► raw to stdout (terminal), or frames taken apart to stdout and stderr
 */

import { isTerminal, writeStderr, writeStdout } from "../../kernel/stdout.ts";
import { enterRawMode } from "../../kernel/terminal.ts";
import type { ClientStream } from "../../wire/http1/client.ts";
import { CliError } from "../errors.ts";
import { detachKeys, watchKeys } from "./detach.ts";
import { demultiplex } from "./frames.ts";
import { openStdin } from "./stdin.ts";

export interface AttachOptions {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** As the user writes them; "" is the default. */
  readonly detachKeys: string;
}

export interface Attached extends Disposable {
  /** Resolves when the output has ended or the user has detached. */
  readonly output: Promise<"ended" | "detached">;
}

const STDIN = 0;

/** How docker's client says it where nobody else does. */
export function detachedError(): CliError {
  return new CliError("read escape sequence");
}

/** Resolves with true when the user has typed the detach sequence. */
async function pumpInput(
  stream: ClientStream,
  pieces: AsyncIterable<Uint8Array>,
  keys: Uint8Array | undefined,
): Promise<boolean> {
  const watch = keys === undefined ? undefined : watchKeys(keys);
  for await (const piece of pieces) {
    const { bytes, detached } = watch?.(piece) ?? { bytes: piece, detached: false };
    await stream.write(bytes);
    if (detached) return true;
  }
  stream.closeWrite();
  return false;
}

/** Takes the terminal over where there is one. */
export function attachStreams(stream: ClientStream, options: AttachOptions): Attached {
  const { tty, stdin } = options;
  const leaveRaw = tty && stdin && isTerminal(STDIN) ? enterRawMode(STDIN) : () => {};
  const input = stdin ? openStdin() : undefined;
  const out = (bytes: Uint8Array) => {
    if (options.stdout && !writeStdout(bytes)) throw new CliError("write /dev/stdout: broken pipe");
  };
  const err = (bytes: Uint8Array) => void (options.stderr && writeStderr(bytes));
  const copy = async (): Promise<"ended"> => {
    if (tty) for await (const bytes of stream.input) out(bytes);
    else await demultiplex(stream.input, { out, err });
    return "ended";
  };
  const ends: Promise<"ended" | "detached">[] = [copy()];
  if (input === undefined) stream.closeWrite();
  else {
    const { promise, resolve } = Promise.withResolvers<"detached">();
    ends.push(promise);
    // The end of our input is not the end: the process may have much to say after we have.
    pumpInput(stream, input.pieces, tty ? detachKeys(options.detachKeys) : undefined).then(
      (detached) => detached && resolve("detached"),
      () => stream.closeWrite(),
    );
  }
  const output = Promise.race(ends);
  // It may fail before our caller, who starts the process meanwhile, comes to await it.
  output.catch(() => {});
  return {
    output,
    [Symbol.dispose]() {
      leaveRaw();
      input?.restore();
      stream.close();
    },
  };
}
