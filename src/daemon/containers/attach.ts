/** `POST /containers/{id}/attach`. */
import { SkiffError } from "../../lib/errors.ts";
import { isRunning } from "./container.ts";
import { parseDetachKeys } from "./detach.ts";
import { type LogOptions, readLogs } from "./logs.ts";
import { type Parts, publish, stdioPath } from "./parts.ts";
import { connectStdio } from "./stdio-connection.ts";
import { type ClientStream, framed, pump } from "./streams.ts";

export interface AttachOptions {
  /** First what the log has. */
  readonly logs: boolean;
  /** Then what comes. */
  readonly stream: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly detachKeys: string;
  /** Output is not framed although there is no terminal. */
  readonly raw?: boolean;
}

export interface Attachment {
  readonly tty: boolean;
  /** Serves the client until the container or the client ends. */
  run(client: ClientStream): Promise<void>;
}

/**
 * docker-py reads the answer's head through a buffer and then goes around it: what comes together with the head is lost to it. dockerd is slower
 * to find its first line, so nobody notices there.
 */
const HEAD_MS = 5;

const WHOLE_LOG: Omit<LogOptions, "stdout" | "stderr"> = {
  follow: false,
  tail: undefined,
  since: 0n,
  until: 0n,
  timestamps: false,
  details: false,
};

/**
 * Checks, and answers what to do with the connection once it is hijacked. A container that does not run yet is waited for: `docker run`
 * attaches first and starts then.
 * @throws conflict when the container is paused or restarting; invalid_argument for bad detach keys.
 */
export function attachContainer(parts: Parts, reference: string, options: AttachOptions): Attachment {
  const container = parts.registry.get(reference);
  const { id, config, state } = container;
  if (state.status === "paused")
    throw new SkiffError("conflict", `container ${reference} is paused, unpause the container before attach`);
  if (state.status === "restarting")
    throw new SkiffError(
      "conflict",
      `container ${reference} is restarting, wait until the container is running`,
    );
  const detachKeys = parseDetachKeys(options.detachKeys);
  // From this moment, before any answer: a start that comes now finds us.
  const forget = new AbortController();
  const connected =
    options.stream && !isRunning(container) ? parts.attachments.next(id, forget.signal) : undefined;
  connected?.catch(() => {});
  const run = async (client: ClientStream): Promise<void> => {
    client.gone.addEventListener("abort", () => forget.abort(client.gone.reason));
    publish(parts, container, "attach");
    if (options.logs) {
      await Bun.sleep(HEAD_MS);
      const { stdout, stderr } = options;
      for await (const entry of readLogs(parts, container, { ...WHOLE_LOG, stdout, stderr }, client.gone))
        await client.write(framed(entry.stream, entry.bytes, config.Tty || options.raw === true));
    }
    if (!options.stream) return;
    // A start that fails tells whoever asked for it; here the stream just ends.
    const connection = await (connected ?? connectStdio(stdioPath(parts.paths, id))).catch(() => undefined);
    if (connection === undefined) return;
    const detached = await pump(connection, client, {
      tty: config.Tty,
      raw: options.raw === true,
      stdin: options.stdin && config.OpenStdin,
      stdout: options.stdout,
      stderr: options.stderr,
      closesStdin: config.StdinOnce && !config.Tty,
      detachKeys,
    });
    if (detached) publish(parts, container, "detach");
  };
  return { tty: config.Tty, run };
}
