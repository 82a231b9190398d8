/** `/volumes/…`. */
import { SkiffError } from "../../../lib/errors.ts";
import { parseFilters } from "../../containers/filters.ts";
import type { EventLog } from "../../events/log.ts";
import { LIST_FILTERS, matchesList, matchesPrune, PRUNE_FILTERS } from "../../volumes/filters.ts";
import { type Volumes, volumeView } from "../../volumes/main.ts";
import { treeBytes } from "../../volumes/size.ts";
import type { RouteContext } from "../context.ts";
import type { Route } from "../router.ts";
import { prunesNamedVolumes } from "../versions/apply.ts";

type Words = Readonly<Record<string, string>> | null;

export interface VolumeRouteParts {
  readonly volumes: Volumes;
  readonly events: EventLog;
}

type Handle = (parts: VolumeRouteParts, context: RouteContext, name: string) => Promise<void> | void;

const list: Handle = ({ volumes }, context) => {
  const filters = parseFilters(context.query("filters"), LIST_FILTERS);
  const uses = volumes.uses();
  const found = volumes.all().filter((volume) => matchesList(volume, uses.has(volume.name), filters));
  context.json(200, {
    Volumes: found.map((volume) => volumeView(volume, volumes.pathOf(volume.name))),
    Warnings: null,
  });
};

const inspect: Handle = ({ volumes }, context, name) =>
  context.json(200, volumeView(volumes.get(name), volumes.pathOf(name)));

function wordsOf(value: unknown, field: string): Words {
  if (value === undefined || value === null) return null;
  if (typeof value !== "object" || !Object.values(value).every((word) => typeof word === "string"))
    throw new SkiffError("invalid_argument", `invalid JSON: ${field} must be a map of strings`);
  return value as Words;
}

const create: Handle = async ({ volumes }, context) => {
  const body = await context.body();
  if (body["ClusterVolumeSpec"] !== undefined && body["ClusterVolumeSpec"] !== null)
    throw new SkiffError(
      "unavailable",
      "volume spec includes cluster volume, but this node is not a swarm manager",
    );
  const volume = volumes.create({
    name: String(body["Name"] ?? ""),
    driver: String(body["Driver"] ?? ""),
    options: wordsOf(body["DriverOpts"], "DriverOpts"),
    labels: wordsOf(body["Labels"], "Labels"),
  });
  context.json(201, volumeView(volume, volumes.pathOf(volume.name)));
};

const remove: Handle = ({ volumes }, context, name) => {
  volumes.remove(name, context.flag("force"));
  context.response.send(204);
};

const prune: Handle = async ({ volumes, events }, context) => {
  const asked = parseFilters(context.query("filters"), PRUNE_FILTERS);
  const filters = prunesNamedVolumes(context.version) ? new Map([...asked, ["all", ["true"]]]) : asked;
  const uses = volumes.uses();
  const VolumesDeleted: string[] = [];
  let SpaceReclaimed = 0;
  for (const volume of volumes.all()) {
    if (uses.has(volume.name) || !matchesPrune(volume, filters)) continue;
    const bytes = await treeBytes(volumes.pathOf(volume.name));
    // Somebody may have come to use it while its size was taken.
    if (volumes.uses().has(volume.name)) continue;
    volumes.remove(volume.name, true);
    SpaceReclaimed += bytes;
    VolumesDeleted.push(volume.name);
  }
  events.publish("volume", "prune", "", { reclaimed: String(SpaceReclaimed) });
  context.json(200, { VolumesDeleted: VolumesDeleted.length === 0 ? null : VolumesDeleted, SpaceReclaimed });
};

const updateCluster: Handle = () => {
  throw new SkiffError(
    "unavailable",
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  );
};

export function volumeRoutes(parts: VolumeRouteParts): Route[] {
  const route = (method: Route["method"], pattern: string, handle: Handle): Route => ({
    method,
    pattern,
    handle: (context) => handle(parts, context, context.params["name"] ?? ""),
  });
  return [
    route("GET", "/volumes", list),
    route("POST", "/volumes/create", create),
    route("POST", "/volumes/prune", prune),
    route("GET", "/volumes/{name}", inspect),
    route("PUT", "/volumes/{name}", updateCluster),
    route("DELETE", "/volumes/{name}", remove),
  ];
}
