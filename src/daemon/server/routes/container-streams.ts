/** `/containers/{id}/…`: what answers for as long as it takes: attach, logs, stats, wait. */
import { SkiffError } from "../../../lib/errors.ts";
import type { Containers } from "../../containers/main.ts";
import { withPrevious } from "../../containers/stats.ts";
import { framed } from "../../containers/streams.ts";
import { parseTimestamp } from "../../events/timestamps.ts";
import type { RouteContext } from "../context.ts";
import type { Route } from "../router.ts";
import { hijack } from "../streams.ts";
import { streamType } from "../versions/apply.ts";

type Handle = (containers: Containers, context: RouteContext, id: string) => Promise<void> | void;

const attachOptions = (context: RouteContext) => ({
  logs: context.flag("logs"),
  stream: context.flag("stream"),
  stdin: context.flag("stdin"),
  stdout: context.flag("stdout"),
  stderr: context.flag("stderr"),
  detachKeys: context.query("detachKeys"),
});

const attach: Handle = async (containers, context, id) => {
  const attachment = containers.views.attach(id, attachOptions(context));
  await attachment.run(hijack(context, attachment.tty));
};

/** Output of both streams as it is, in binary messages. */
const attachByWebSocket: Handle = async (containers, context, id) => {
  const { acceptWebSocket } = await import("../../../wire/http1/websocket.ts");
  const attachment = containers.views.attach(id, { ...attachOptions(context), raw: true });
  const client = acceptWebSocket(context.request, context.response);
  await attachment.run(client);
  await client.close();
};

/** `all`, "" and what is no number mean: everything. */
function tailOf(text: string): number | undefined {
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Entries are put together up to here before they are written: a line at a time would cost more than the line. */
const BATCH_BYTES = 64 * 1024;

const logs: Handle = async (containers, context, id) => {
  const options = {
    stdout: context.flag("stdout"),
    stderr: context.flag("stderr"),
    follow: context.flag("follow"),
    tail: tailOf(context.query("tail")),
    since: parseTimestamp(context.query("since")) ?? 0n,
    until: parseTimestamp(context.query("until")) ?? 0n,
    timestamps: context.flag("timestamps"),
    details: context.flag("details"),
  };
  const { signal } = context.request;
  const { tty, entries } = containers.views.logs(id, options, signal);
  const writer = context.response.stream(200, streamType(context.version, tty));
  let batch: Uint8Array[] = [];
  let bytes = 0;
  const flush = async () => {
    const whole = Buffer.concat(batch);
    batch = [];
    bytes = 0;
    await writer.write(whole);
  };
  for await (const entry of entries) {
    const frame = framed(entry.stream, entry.bytes, tty);
    batch.push(frame);
    bytes += frame.length;
    // Followed, a line must not wait for the next one.
    if (options.follow || bytes >= BATCH_BYTES) await flush();
  }
  await flush();
};

const SAMPLE_MS = 1000;

/** Resolves at the end of the time, or at once when the client goes. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

const stats: Handle = async (containers, context, id) => {
  const stream = context.request.query.has("stream") ? context.flag("stream") : true;
  const oneShot = context.flag("one-shot");
  if (stream && oneShot)
    throw new SkiffError("invalid_argument", "cannot have stream=true and one-shot=true");
  const { signal } = context.request;
  const container = containers.views.get(id);
  const running = () => ["running", "paused"].includes(containers.views.get(container.id).state.status);
  let sample = await containers.views.stats(container.id);
  if (!stream) {
    if (!oneShot && running()) {
      await pause(SAMPLE_MS, signal);
      sample = withPrevious(await containers.views.stats(container.id), sample);
    }
    context.json(200, sample);
    return;
  }
  const lines = context.lines(200);
  while (!signal.aborted) {
    await lines.line(sample);
    await pause(SAMPLE_MS, signal);
    if (signal.aborted) return;
    // Removed meanwhile: the stream ends.
    const next = await Promise.resolve()
      .then(() => containers.views.stats(container.id))
      .catch(() => undefined);
    if (next === undefined) return;
    sample = withPrevious(next, sample);
  }
};

const wait: Handle = async (containers, context, id) => {
  const { signal } = context.request;
  const { report } = containers.lifecycle.wait(id, context.query("condition"), signal);
  const lines = context.lines(200);
  const gone = new Promise<undefined>((resolve) =>
    signal.addEventListener("abort", () => resolve(undefined)),
  );
  const result = await Promise.race([report, gone]);
  if (result !== undefined) await lines.line(result);
};

export function containerStreamRoutes(containers: Containers): Route[] {
  const route = (method: Route["method"], verb: string, handle: Handle): Route => ({
    method,
    pattern: `/containers/{id}/${verb}`,
    handle: (context) => handle(containers, context, context.params["id"]!),
  });
  return [
    route("POST", "attach", attach),
    route("GET", "attach/ws", attachByWebSocket),
    route("GET", "logs", logs),
    route("GET", "stats", stats),
    route("POST", "wait", wait),
  ];
}
