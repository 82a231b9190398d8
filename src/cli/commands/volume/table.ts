/** Commands of volumes. */
import type { Entry } from "../entry.ts";

export const VOLUME: readonly Entry[] = [
  { path: "volume create", summary: "Create a volume", load: () => import("./create.ts") },
  {
    path: "volume inspect",
    summary: "Display detailed information on one or more volumes",
    load: () => import("./inspect.ts"),
  },
  { path: "volume ls", aliases: ["volume list"], summary: "List volumes", load: () => import("./ls.ts") },
  { path: "volume prune", summary: "Remove unused local volumes", load: () => import("./prune.ts") },
  {
    path: "volume rm",
    aliases: ["volume remove"],
    summary: "Remove one or more volumes",
    load: () => import("./rm.ts"),
  },
];
