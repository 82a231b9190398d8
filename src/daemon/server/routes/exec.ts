/** `/containers/{id}/exec`, `/exec/{id}/…`. */
import { messageOf } from "../../../lib/errors.ts";
import type { Containers } from "../../containers/main.ts";
import { framed } from "../../containers/streams.ts";
import type { RouteContext } from "../context.ts";
import type { Route } from "../router.ts";
import { hijack } from "../streams.ts";
import { sizeParameters } from "./containers.ts";

type Handle = (containers: Containers, context: RouteContext, id: string) => Promise<void> | void;

const create: Handle = async ({ execs }, context, id) =>
  context.json(201, execs.create(id, await context.body()));

/** `[height, width]` */
function consoleSizeOf(value: unknown): readonly [number, number] | null {
  if (!Array.isArray(value) || value.length !== 2) return null;
  const [height, width] = value as unknown[];
  return Number.isInteger(height) && Number.isInteger(width) ? [height as number, width as number] : null;
}

const start: Handle = async ({ execs }, context, id) => {
  const body = await context.optionalBody();
  const options = {
    detach: body["Detach"] === true,
    tty: body["Tty"] === true,
    consoleSize: consoleSizeOf(body["ConsoleSize"]),
  };
  // Not found is still a status; what happens after the connection is taken over is told on it, as dockerd does.
  execs.inspect(id);
  if (options.detach) {
    await execs.start(id, options, context.trace);
    context.response.send(200);
    return;
  }
  const client = hijack(context, options.tty);
  try {
    const started = await execs.start(id, options, context.trace);
    await started.run(client);
  } catch (error) {
    await client.write(framed("stdout", Buffer.from(`${messageOf(error)}\r\n`), options.tty));
  }
};

const resize: Handle = async ({ execs }, context, id) => {
  const { width, height } = sizeParameters(context);
  await execs.resize(id, width, height);
  context.response.send(200);
};

const inspect: Handle = ({ execs }, context, id) => context.json(200, execs.inspect(id));

export function execRoutes(containers: Containers): Route[] {
  const route = (method: Route["method"], pattern: string, handle: Handle): Route => ({
    method,
    pattern,
    handle: (context) => handle(containers, context, context.params["id"]!),
  });
  return [
    route("POST", "/containers/{id}/exec", create),
    route("POST", "/exec/{id}/start", start),
    route("POST", "/exec/{id}/resize", resize),
    route("GET", "/exec/{id}/json", inspect),
  ];
}
