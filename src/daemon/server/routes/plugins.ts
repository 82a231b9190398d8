/** Managed plugins: there are none. */
import { SkiffError } from "../../../lib/errors.ts";
import { parseFilters } from "../../containers/filters.ts";
import type { RouteContext } from "../context.ts";
import type { Route } from "../router.ts";

const LIST_FILTERS = ["capability", "enabled"];

function missing({ params }: RouteContext): never {
  throw new SkiffError("not_found", `plugin "${params["name"]}" not found`);
}

function cannot(): never {
  throw new SkiffError("unimplemented", "managed plugins are not implemented by skiffd");
}

function list(context: RouteContext): void {
  parseFilters(context.query("filters"), LIST_FILTERS);
  context.json(200, []);
}

export function pluginRoutes(): Route[] {
  return [
    { method: "GET", pattern: "/plugins", handle: list },
    { method: "GET", pattern: "/plugins/privileges", handle: cannot },
    { method: "POST", pattern: "/plugins/pull", handle: cannot },
    { method: "POST", pattern: "/plugins/create", handle: cannot },
    { method: "GET", pattern: "/plugins/{name...}/json", handle: missing },
    { method: "POST", pattern: "/plugins/{name...}/enable", handle: missing },
    { method: "POST", pattern: "/plugins/{name...}/disable", handle: missing },
    { method: "POST", pattern: "/plugins/{name...}/push", handle: missing },
    { method: "POST", pattern: "/plugins/{name...}/set", handle: missing },
    { method: "POST", pattern: "/plugins/{name...}/upgrade", handle: missing },
    { method: "DELETE", pattern: "/plugins/{name...}", handle: missing },
  ];
}
