/** Swarm: skiffd is never part of one, and answers as a dockerd that is not. */
import { SkiffError } from "../../../lib/errors.ts";
import type { Route } from "../router.ts";

const NOT_MANAGER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

function refuse(): never {
  throw new SkiffError("unavailable", NOT_MANAGER);
}

const notPart = (): never => {
  throw new SkiffError("unavailable", "This node is not part of a swarm");
};

const noSwarm = (): never => {
  throw new SkiffError("unimplemented", "swarm mode is not implemented by skiffd");
};

const OBJECTS = ["services", "secrets", "configs"];

const MANAGER: readonly (readonly [Route["method"], string])[] = [
  ["GET", "/swarm"],
  ["POST", "/swarm/update"],
  ["GET", "/swarm/unlockkey"],
  ["GET", "/nodes"],
  ["GET", "/nodes/{id}"],
  ["DELETE", "/nodes/{id}"],
  ["POST", "/nodes/{id}/update"],
  ["GET", "/tasks"],
  ["GET", "/tasks/{id}"],
  ["GET", "/tasks/{id}/logs"],
  ["GET", "/services/{id}/logs"],
  ...OBJECTS.flatMap((name): [Route["method"], string][] => [
    ["GET", `/${name}`],
    ["POST", `/${name}/create`],
    ["GET", `/${name}/{id}`],
    ["DELETE", `/${name}/{id}`],
    ["POST", `/${name}/{id}/update`],
  ]),
];

export function swarmRoutes(): Route[] {
  return [
    ...MANAGER.map(([method, pattern]) => ({ method, pattern, handle: refuse })),
    { method: "POST", pattern: "/swarm/init", handle: noSwarm },
    { method: "POST", pattern: "/swarm/join", handle: noSwarm },
    { method: "POST", pattern: "/swarm/leave", handle: notPart },
    { method: "POST", pattern: "/swarm/unlock", handle: notPart },
  ];
}
