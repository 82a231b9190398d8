/** `/build/prune`: the cache it empties is BuildKit's, and that is not here: `docker system prune` asks for it and goes on. */
import { SkiffError } from "../../../lib/errors.ts";
import { parseFilters } from "../../containers/filters.ts";
import type { RouteContext } from "../context.ts";
import type { Route } from "../router.ts";

/** Each is a number of bytes; the first is the older name of the second. */
const LIMITS = ["keep-storage", "reserved-space", "max-used-space", "min-free-space"];

const FILTERS = [
  ...["id", "parent", "type", "description", "inuse", "shared", "private", "until", "unused-for"],
  ...["label", "label!"],
];

function checkBytes(context: RouteContext, name: string): void {
  const text = context.query(name);
  if (text === "" || /^[+-]?[0-9]{1,18}$/.test(text)) return;
  throw new SkiffError(
    "invalid_argument",
    `${name} is in bytes and expects an integer, got ${text}: strconv.Atoi: parsing "${text}": invalid syntax`,
  );
}

function prune(context: RouteContext): void {
  for (const name of LIMITS) checkBytes(context, name);
  const unknown = [...parseFilters(context.query("filters"), "any").keys()].find(
    (name) => !FILTERS.includes(name),
  );
  if (unknown !== undefined)
    throw new SkiffError("invalid_argument", `failed to prune build cache: invalid filter '${unknown}'`);
  context.json(200, { CachesDeleted: null, SpaceReclaimed: 0 });
}

export function buildRoutes(): Route[] {
  return [{ method: "POST", pattern: "/build/prune", handle: prune }];
}
