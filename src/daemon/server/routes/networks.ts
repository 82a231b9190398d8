/** `/networks/…` */
import { SkiffError } from "../../../lib/errors.ts";
import type { EndpointSettings } from "../../containers/config.ts";
import { parseFilters } from "../../containers/filters.ts";
import type { Containers } from "../../containers/main.ts";
import { parseEndpointSettings } from "../../networks/endpoint-settings.ts";
import { LIST_FILTERS, PRUNE_FILTERS } from "../../networks/filters.ts";
import type { NetworkService } from "../../networks/network.ts";
import type { RouteContext } from "../context.ts";
import type { Route } from "../router.ts";

/** Of the containers: their settings change with the networks they are in. */
export type ConnectedContainers = Pick<Containers["changes"], "connect" | "disconnect">;

function containerOf(body: Readonly<Record<string, unknown>>): string {
  const container = body["Container"] ?? "";
  if (typeof container !== "string")
    throw new SkiffError(
      "invalid_argument",
      "json: cannot unmarshal into Go struct field .Container of type string",
    );
  return container;
}

async function connect(containers: ConnectedContainers, context: RouteContext): Promise<void> {
  const body = await context.body();
  const settings: EndpointSettings = parseEndpointSettings(body["EndpointConfig"]);
  await containers.connect(containerOf(body), context.params["id"]!, settings);
  context.response.send(200);
}

async function disconnect(containers: ConnectedContainers, context: RouteContext): Promise<void> {
  const body = await context.body();
  await containers.disconnect(containerOf(body), context.params["id"]!, body["Force"] === true);
  context.response.send(200);
}

export function networkRoutes(networks: NetworkService, containers: ConnectedContainers): Route[] {
  const route = (method: Route["method"], pattern: string, handle: Route["handle"]): Route => ({
    method,
    pattern,
    handle,
  });
  const list: Route["handle"] = (context) =>
    context.json(200, networks.list(parseFilters(context.query("filters"), LIST_FILTERS)));
  return [
    route("GET", "/networks", list),
    route("GET", "/networks/", list),
    route("POST", "/networks/create", async (context) =>
      context.json(201, networks.create(await context.body())),
    ),
    route("POST", "/networks/prune", (context) => {
      const deleted = networks.prune(parseFilters(context.query("filters"), PRUNE_FILTERS));
      context.json(200, { NetworksDeleted: deleted.length === 0 ? null : deleted });
    }),
    route("GET", "/networks/{id}", (context) => {
      const scope = context.query("scope");
      const id = context.params["id"]!;
      // All of ours are of this machine.
      if (scope !== "" && scope !== "local") throw new SkiffError("not_found", `network ${id} not found`);
      context.json(200, networks.inspect(id));
    }),
    route("DELETE", "/networks/{id}", (context) => {
      networks.remove(context.params["id"]!);
      context.response.send(204);
    }),
    route("POST", "/networks/{id}/connect", (context) => connect(containers, context)),
    route("POST", "/networks/{id}/disconnect", (context) => disconnect(containers, context)),
  ];
}
