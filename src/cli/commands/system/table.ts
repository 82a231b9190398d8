/** Commands of the engine as a whole, and of registries. */
import type { Entry } from "../entry.ts";

export const SYSTEM: readonly Entry[] = [
  { path: "builder prune", summary: "Remove build cache", load: () => import("../builder/prune.ts") },
  {
    path: "inspect",
    summary: "Return low-level information on Docker objects",
    load: () => import("../inspect.ts"),
  },
  { path: "login", summary: "Authenticate to a registry", common: true, load: () => import("../login.ts") },
  { path: "logout", summary: "Log out from a registry", common: true, load: () => import("../logout.ts") },
  { path: "system df", summary: "Show docker disk usage", load: () => import("./df.ts") },
  {
    path: "system events",
    aliases: ["events"],
    summary: "Get real time events from the server",
    load: () => import("./events.ts"),
  },
  {
    path: "system info",
    aliases: ["info"],
    summary: "Display system-wide information",
    common: true,
    load: () => import("./info.ts"),
  },
  { path: "system prune", summary: "Remove unused data", load: () => import("./prune.ts") },
  {
    path: "version",
    summary: "Show the Docker version information",
    common: true,
    load: () => import("./version.ts"),
  },
];
