/** `/networks/…` */
import { parseFilters } from "../../containers/filters.ts";
import { LIST_FILTERS } from "../../networks/filters.ts";
import type { NetworkService } from "../../networks/network.ts";
import type { Route } from "../router.ts";

export function networkRoutes(networks: NetworkService): Route[] {
  return [
    {
      method: "GET",
      pattern: "/networks",
      handle: (context) =>
        context.json(200, networks.list(parseFilters(context.query("filters"), LIST_FILTERS))),
    },
    {
      method: "GET",
      pattern: "/networks/{id}",
      handle: (context) => context.json(200, networks.inspect(context.params["id"]!)),
    },
  ];
}
