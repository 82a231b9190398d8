/** Commands of contexts. */
import type { Entry } from "../entry.ts";

export const CONTEXT: readonly Entry[] = [
  { path: "context create", summary: "Create a context", load: () => import("./create.ts") },
  {
    path: "context inspect",
    summary: "Display detailed information on one or more contexts",
    load: () => import("./inspect.ts"),
  },
  { path: "context ls", aliases: ["context list"], summary: "List contexts", load: () => import("./ls.ts") },
  {
    path: "context rm",
    aliases: ["context remove"],
    summary: "Remove one or more contexts",
    load: () => import("./rm.ts"),
  },
  {
    path: "context show",
    summary: "Print the name of the current context",
    load: () => import("./show.ts"),
  },
  { path: "context use", summary: "Set the current docker context", load: () => import("./use.ts") },
];
