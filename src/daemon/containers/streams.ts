/** Between a client's hijacked connection and a process's stdio. */
import { FRAME } from "../../contracts/shim/stdio.ts";
import { type DetachKeys, findDetach } from "./detach.ts";
import { encodeFrame } from "./frames.ts";
import type { StdioConnection } from "./stdio-connection.ts";

/** A connection that speaks no HTTP any more. */
export interface ClientStream {
  /** What the client sends; ends when it closes its side. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Resolves when more may be written. */
  write(bytes: Uint8Array): Promise<void>;
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal;
}

export interface StreamOptions {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Close the process's stdin when the client closes its side. */
  readonly closesStdin: boolean;
  readonly detachKeys: DetachKeys;
  /** Output is not framed although there is no terminal. */
  readonly raw?: boolean;
}

/** Output goes as it is under a terminal, framed otherwise; the supervisor's frames are Docker's. */
async function pumpOutput(
  connection: StdioConnection,
  client: ClientStream,
  options: StreamOptions,
): Promise<void> {
  for await (const frame of connection.frames()) {
    const wanted =
      (frame.type === FRAME.stdout && options.stdout) || (frame.type === FRAME.stderr && options.stderr);
    if (wanted && !client.gone.aborted)
      await client.write(options.tty || options.raw === true ? frame.payload : frame.whole);
    if (frame.type === FRAME.exit) return;
  }
}

/** Resolves true when the user has typed the detach keys. */
async function pumpInput(
  connection: StdioConnection,
  client: ClientStream,
  options: StreamOptions,
): Promise<boolean> {
  let matched = 0;
  for await (const bytes of client.input) {
    if (!options.tty || options.detachKeys.length === 0) {
      await connection.writeStdin(bytes);
      continue;
    }
    const found = findDetach(bytes, options.detachKeys, matched);
    matched = found.matched;
    if (found.forward.length > 0) await connection.writeStdin(found.forward);
    if (found.detached) return true;
  }
  if (options.closesStdin && !client.gone.aborted) await connection.closeStdin();
  return false;
}

/**
 * Moves bytes both ways until the process's output has ended, the client has gone, or it has typed the detach keys (answers true then).
 * The end of the client's input alone ends nothing: its output goes on.
 */
export async function pump(
  connection: StdioConnection,
  client: ClientStream,
  options: StreamOptions,
): Promise<boolean> {
  const over = Promise.withResolvers<boolean>();
  client.gone.addEventListener("abort", () => over.resolve(false));
  if (client.gone.aborted) over.resolve(false);
  pumpOutput(connection, client, options).then(() => over.resolve(false), over.reject);
  if (options.stdin) {
    pumpInput(connection, client, options).then(
      (detached) => detached && over.resolve(true),
      () => {},
    );
  }
  try {
    return await over.promise;
  } finally {
    connection.close();
  }
}

/** A piece of text as the client's stream wants it: for `logs` and errors. */
export function framed(stream: "stdout" | "stderr", bytes: Uint8Array, tty: boolean): Uint8Array {
  return tty ? bytes : encodeFrame(stream === "stdout" ? FRAME.stdout : FRAME.stderr, bytes);
}
