/** `/containers/…`: what answers at once. */
import { SkiffError } from "../../../lib/errors.ts";
import type { EndpointSettings } from "../../containers/config.ts";
import { LIST_FILTERS, parseFilters } from "../../containers/filters.ts";
import type { StopOptions } from "../../containers/kill.ts";
import type { Containers } from "../../containers/main.ts";
import { PRUNE_FILTERS } from "../../containers/prune.ts";
import type { ContainerSizes } from "../../system/sizes.ts";
import type { RouteContext } from "../context.ts";
import type { Route } from "../router.ts";

export interface ContainerRouteParts {
  readonly containers: Containers;
  readonly sizes: ContainerSizes;
}

type Handle = (parts: ContainerRouteParts, context: RouteContext, id: string) => Promise<void> | void;

const list: Handle = async ({ containers, sizes }, context) => {
  const options = {
    all: context.flag("all"),
    limit: Math.max(0, context.integer("limit") ?? 0),
    size: context.flag("size"),
    filters: parseFilters(context.query("filters"), LIST_FILTERS),
  };
  const rows = containers.views.list(options);
  context.json(200, options.size ? await sizes.addTo(rows) : rows);
};

const create: Handle = async ({ containers }, context) => {
  const { HostConfig, NetworkingConfig, ...config } = await context.optionalBody();
  const asked = (NetworkingConfig ?? {}) as { EndpointsConfig?: Record<string, EndpointSettings> | null };
  const request = {
    name: context.query("name"),
    platform: context.query("platform"),
    config,
    hostConfig: (HostConfig ?? {}) as object,
    endpoints: asked.EndpointsConfig ?? {},
  };
  context.json(201, await containers.lifecycle.create(request, context.trace));
};

const inspect: Handle = async ({ containers, sizes }, context, id) => {
  const view = containers.views.inspect(id);
  context.json(200, context.flag("size") ? { ...view, ...(await sizes.of(view["Id"] as string)) } : view);
};

/** Once a HostConfig could come with a start: whoever still sends one must know that it does nothing. */
const START_BODY_MAX = 7;

const start: Handle = async ({ containers }, context, id) => {
  const body = await context.request.bytes(1 << 20);
  if (body.length > START_BODY_MAX)
    throw new SkiffError(
      "invalid_argument",
      "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24",
    );
  await containers.lifecycle.start(id, context.trace);
  context.response.send(204);
};

const stopOptions = (context: RouteContext): StopOptions => ({
  signal: context.query("signal"),
  timeout: context.integer("t"),
});

const stop: Handle = async ({ containers }, context, id) => {
  await containers.lifecycle.stop(id, stopOptions(context));
  context.response.send(204);
};

const restart: Handle = async ({ containers }, context, id) => {
  await containers.lifecycle.restart(id, stopOptions(context), context.trace);
  context.response.send(204);
};

const kill: Handle = async ({ containers }, context, id) => {
  await containers.lifecycle.kill(id, context.query("signal"));
  context.response.send(204);
};

const pause: Handle = async ({ containers }, context, id) => {
  await containers.lifecycle.pause(id);
  context.response.send(204);
};

const unpause: Handle = async ({ containers }, context, id) => {
  await containers.lifecycle.unpause(id);
  context.response.send(204);
};

const rename: Handle = ({ containers }, context, id) => {
  containers.changes.rename(id, context.query("name"));
  context.response.send(204);
};

export function sizeParameters(context: RouteContext): { readonly width: number; readonly height: number } {
  const read = (name: string): number => {
    const value = context.integer(name);
    if (value === undefined)
      throw new SkiffError(
        "invalid_argument",
        `invalid resize ${name} "": strconv.ParseUint: parsing "": invalid syntax`,
      );
    return value;
  };
  return { height: read("h"), width: read("w") };
}

const resize: Handle = async ({ containers }, context, id) => {
  const { width, height } = sizeParameters(context);
  await containers.changes.resize(id, width, height);
  context.response.send(200);
};

const update: Handle = async ({ containers }, context, id) =>
  context.json(200, await containers.changes.update(id, await context.body()));

const top: Handle = async ({ containers }, context, id) =>
  context.json(200, await containers.views.top(id, context.query("ps_args")));

const remove: Handle = async ({ containers }, context, id) => {
  if (context.flag("link")) throw new SkiffError("unimplemented", "remove link: links are not implemented");
  await containers.lifecycle.remove(id, { volumes: context.flag("v"), force: context.flag("force") });
  context.response.send(204);
};

const prune: Handle = async ({ containers }, context) =>
  context.json(200, await containers.lifecycle.prune(parseFilters(context.query("filters"), PRUNE_FILTERS)));

const checkpoint: Handle = () => {
  throw new SkiffError("unimplemented", "checkpoint container: Skiff does not implement checkpoints");
};

export function containerRoutes(parts: ContainerRouteParts): Route[] {
  const route = (method: Route["method"], pattern: string, handle: Handle): Route => ({
    method,
    pattern: `/containers/${pattern}`,
    handle: (context) => handle(parts, context, context.params["id"] ?? ""),
  });
  return [
    route("GET", "json", list),
    route("POST", "create", create),
    route("POST", "prune", prune),
    route("GET", "{id}/json", inspect),
    route("POST", "{id}/start", start),
    route("POST", "{id}/stop", stop),
    route("POST", "{id}/restart", restart),
    route("POST", "{id}/kill", kill),
    route("POST", "{id}/pause", pause),
    route("POST", "{id}/unpause", unpause),
    route("POST", "{id}/rename", rename),
    route("POST", "{id}/resize", resize),
    route("POST", "{id}/update", update),
    route("GET", "{id}/top", top),
    route("DELETE", "{id}", remove),
    route("GET", "{id}/checkpoints", checkpoint),
    route("POST", "{id}/checkpoints", checkpoint),
    route("DELETE", "{id}/checkpoints/{checkpoint}", checkpoint),
  ];
}
