/** Every command of `skiff`: its name, docker's other names for it, one line of summary, and where it is. */
import { CONTEXT } from "./context/table.ts";
import type { Entry } from "./entry.ts";
import { IMAGE } from "./image/table.ts";
import { NETWORK } from "./network/table.ts";
import { SYSTEM } from "./system/table.ts";
import { VOLUME } from "./volume/table.ts";

export const GROUPS: Readonly<Record<string, string>> = {
  builder: "Manage builds",
  container: "Manage containers",
  context: "Manage contexts",
  image: "Manage images",
  network: "Manage networks",
  system: "Manage Docker",
  volume: "Manage volumes",
};

const CONTAINER: readonly Entry[] = [
  {
    path: "container run",
    aliases: ["run"],
    summary: "Create and run a new container from an image",
    common: true,
    load: () => import("./container/run.ts"),
  },
  {
    path: "container exec",
    aliases: ["exec"],
    summary: "Execute a command in a running container",
    common: true,
    load: () => import("./container/exec.ts"),
  },
  {
    path: "container ls",
    aliases: ["ps", "container list", "container ps"],
    summary: "List containers",
    common: true,
    load: () => import("./container/ls.ts"),
  },
  {
    path: "container attach",
    aliases: ["attach"],
    summary: "Attach local standard input, output, and error streams to a running container",
    load: () => import("./container/attach.ts"),
  },
  {
    path: "container commit",
    aliases: ["commit"],
    summary: "Create a new image from a container's changes",
    load: () => import("./container/commit.ts"),
  },
  {
    path: "container cp",
    aliases: ["cp"],
    summary: "Copy files/folders between a container and the local filesystem",
    load: () => import("./container/cp.ts"),
  },
  {
    path: "container create",
    aliases: ["create"],
    summary: "Create a new container",
    load: () => import("./container/create.ts"),
  },
  {
    path: "container diff",
    aliases: ["diff"],
    summary: "Inspect changes to files or directories on a container's filesystem",
    load: () => import("./container/diff.ts"),
  },
  {
    path: "container export",
    aliases: ["export"],
    summary: "Export a container's filesystem as a tar archive",
    load: () => import("./container/export.ts"),
  },
  {
    path: "container inspect",
    summary: "Display detailed information on one or more containers",
    load: () => import("./container/inspect.ts"),
  },
  {
    path: "container kill",
    aliases: ["kill"],
    summary: "Kill one or more running containers",
    load: () => import("./container/kill.ts"),
  },
  {
    path: "container logs",
    aliases: ["logs"],
    summary: "Fetch the logs of a container",
    load: () => import("./container/logs.ts"),
  },
  {
    path: "container pause",
    aliases: ["pause"],
    summary: "Pause all processes within one or more containers",
    load: () => import("./container/pause.ts"),
  },
  {
    path: "container port",
    aliases: ["port"],
    summary: "List port mappings or a specific mapping for the container",
    load: () => import("./container/port.ts"),
  },
  {
    path: "container prune",
    summary: "Remove all stopped containers",
    load: () => import("./container/prune.ts"),
  },
  {
    path: "container rename",
    aliases: ["rename"],
    summary: "Rename a container",
    load: () => import("./container/rename.ts"),
  },
  {
    path: "container restart",
    aliases: ["restart"],
    summary: "Restart one or more containers",
    load: () => import("./container/restart.ts"),
  },
  {
    path: "container rm",
    aliases: ["rm", "container remove"],
    summary: "Remove one or more containers",
    load: () => import("./container/rm.ts"),
  },
  {
    path: "container start",
    aliases: ["start"],
    summary: "Start one or more stopped containers",
    load: () => import("./container/start.ts"),
  },
  {
    path: "container stats",
    aliases: ["stats"],
    summary: "Display a live stream of container(s) resource usage statistics",
    load: () => import("./container/stats.ts"),
  },
  {
    path: "container stop",
    aliases: ["stop"],
    summary: "Stop one or more running containers",
    load: () => import("./container/stop.ts"),
  },
  {
    path: "container top",
    aliases: ["top"],
    summary: "Display the running processes of a container",
    load: () => import("./container/top.ts"),
  },
  {
    path: "container unpause",
    aliases: ["unpause"],
    summary: "Unpause all processes within one or more containers",
    load: () => import("./container/unpause.ts"),
  },
  {
    path: "container update",
    aliases: ["update"],
    summary: "Update configuration of one or more containers",
    load: () => import("./container/update.ts"),
  },
  {
    path: "container wait",
    aliases: ["wait"],
    summary: "Block until one or more containers stop, then print their exit codes",
    load: () => import("./container/wait.ts"),
  },
];

export const COMMANDS: readonly Entry[] = [
  ...CONTAINER,
  ...IMAGE,
  ...NETWORK,
  ...VOLUME,
  ...CONTEXT,
  ...SYSTEM,
];
