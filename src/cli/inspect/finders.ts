/** How each type of object is asked for; answered is the daemon's text as it came. */
import { inPath } from "../commands/each.ts";
import type { Client, Query } from "../transport/client.ts";

/** In the order in which `skiff inspect` tries them. */
export const TYPES = [
  ...([
    "container",
    "image",
    "network",
    "volume",
    "service",
    "task",
    "node",
    "plugin",
    "secret",
    "config",
  ] as const),
];
export type ObjectType = (typeof TYPES)[number];

const PATHS: Readonly<Record<ObjectType, (name: string) => string>> = {
  container: (name) => `/containers/${name}/json`,
  image: (name) => `/images/${name}/json`,
  network: (name) => `/networks/${name}`,
  volume: (name) => `/volumes/${name}`,
  service: (name) => `/services/${name}`,
  task: (name) => `/tasks/${name}`,
  node: (name) => `/nodes/${name}`,
  plugin: (name) => `/plugins/${name}/json`,
  secret: (name) => `/secrets/${name}`,
  config: (name) => `/configs/${name}`,
};

export async function findObject(
  client: Client,
  type: ObjectType,
  name: string,
  query: Query = {},
): Promise<string> {
  const response = await client.send("GET", PATHS[type](inPath(name)), { query });
  return (await response.text()).trim();
}
