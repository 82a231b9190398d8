/** Puts the daemon's services together and answers its routes. */
import type { Database } from "bun:sqlite";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { linuxKernel } from "../kernel/linux.ts";
import { systemClock } from "../lib/clock.ts";
import { randomIds } from "../lib/ids.ts";
import { createTracer } from "../lib/trace.ts";
import type { Channel } from "../wire/h2/client.ts";
import { openBuilder } from "./build/open.ts";
import type { DaemonOptions } from "./config/options.ts";
import type { Containers } from "./containers/main.ts";
import { openContainers, SNAPSHOTTER } from "./containers/open.ts";
import type { TaskEvents } from "./containers/ports.ts";
import { createEventLog } from "./events/log.ts";
import { openImages } from "./images/open.ts";
import { listImages } from "./images/store.ts";
import type { Logger } from "./log.ts";
import { networksForContainers } from "./networks/for-containers.ts";
import type { NetworkService } from "./networks/network.ts";
import { openNetworks } from "./networks/open.ts";
import { createHandler } from "./server/handler.ts";
import { createRouter, type Route } from "./server/router.ts";
import { archiveRoutes } from "./server/routes/archive.ts";
import { buildRoutes } from "./server/routes/build.ts";
import { containerStreamRoutes } from "./server/routes/container-streams.ts";
import { containerRoutes } from "./server/routes/containers.ts";
import { distributionRoutes } from "./server/routes/distribution.ts";
import { eventRoutes } from "./server/routes/events.ts";
import { execRoutes } from "./server/routes/exec.ts";
import { imageRoutes } from "./server/routes/images.ts";
import { networkRoutes } from "./server/routes/networks.ts";
import { pluginRoutes } from "./server/routes/plugins.ts";
import { sessionRoutes } from "./server/routes/session.ts";
import { swarmRoutes } from "./server/routes/swarm.ts";
import { systemRoutes } from "./server/routes/system.ts";
import { traceRoutes } from "./server/routes/trace.ts";
import { volumeRoutes } from "./server/routes/volumes.ts";
import { createContainerSizes } from "./system/sizes.ts";
import type { Containerd } from "./system/version.ts";
import { createVolumes } from "./volumes/main.ts";
import { createVolumeMounts } from "./volumes/mount.ts";
import { openVolumeTable } from "./volumes/store.ts";

export interface AssembleParts {
  readonly options: DaemonOptions;
  readonly database: Database;
  /** To containerd, namespace `moby`. */
  readonly channel: Channel;
  readonly containerdAddress: string;
  readonly containerd: () => Containerd;
  readonly log: Logger;
}

export interface Daemon {
  readonly handle: ReturnType<typeof createHandler>;
  readonly containers: Containers;
  readonly taskEvents: TaskEvents;
  readonly networks: NetworkService;
}

/** Kept for the life of the data root. */
function engineId(dataRoot: string): string {
  const path = `${dataRoot}/engine-id`;
  if (!existsSync(path)) writeFileSync(path, crypto.randomUUID(), { mode: 0o600 });
  return readFileSync(path, "utf8").trim();
}

function defaultsOf(options: DaemonOptions) {
  return {
    runtime: options.defaultRuntime,
    network: options.bridge === "none" ? "none" : "bridge",
    shmSize: options.shmSize,
    init: options.init,
    log: options.log,
    ulimits: options.ulimits.length === 0 ? null : options.ulimits,
  };
}

export function assemble(parts: AssembleParts): Daemon {
  const { options, database, channel, log } = parts;
  const { dataRoot, execRoot } = options;
  const [clock, ids] = [systemClock, randomIds];
  const say = log.info;
  const tracer = createTracer({ layer: "skiffd", nowNs: () => clock.nowNs(), hex: (n) => ids.hex(n) });
  const events = createEventLog(clock);
  const common = { channel, events, tracer, clock, ids, log: say };
  const networks = openNetworks({ ...options, dataRoot, execRoot }, { ...common, database });
  // Made in a circle: each asks the others only when a request comes.
  const uses = {
    all: () => opened.containers.views.all(),
    get: (reference: string) => opened.containers.views.get(reference),
    pause: (id: string) => opened.containers.lifecycle.pause(id),
    unpause: (id: string) => opened.containers.lifecycle.unpause(id),
  };
  const images = openImages(
    {
      ...{ snapshotter: SNAPSHOTTER, hostsDir: `${execRoot}/registries` },
      ...{ insecureRegistries: options.insecureRegistries, mirrors: options.mirrors },
    },
    { ...common, containers: uses },
  );
  const volumes = createVolumes({
    ...{ dataRoot, events, ids, clock, containers: uses.all },
    table: openVolumeTable(database),
    mounts: createVolumeMounts(linuxKernel),
  });
  const opened = openContainers(
    { dataRoot, execRoot, runtimes: options.runtimes, defaults: defaultsOf(options) },
    { ...common, database, volumes, images: images.source, networks: networksForContainers(networks) },
  );
  const { containers, taskEvents, defaults } = opened;
  const sizes = createContainerSizes(channel, SNAPSHOTTER, (id) => containers.views.get(id));
  const system = {
    ...{ options, events, clock, containerdAddress: parts.containerdAddress, containerd: parts.containerd },
    id: engineId(dataRoot),
    cgroupVersion: defaults.cgroupVersion,
    apparmor: existsSync("/sys/kernel/security/apparmor/profiles"),
    containers: uses.all,
    imageCount: async () => new Set((await listImages(images.parts)).map(({ target }) => target.digest)).size,
  };
  const usage = {
    images: images.parts,
    volumes,
    containers: () =>
      sizes.addTo(containers.views.list({ all: true, limit: 0, size: true, filters: new Map() })),
  };
  const routes: readonly Route[] = [
    ...systemRoutes({ system, usage }),
    ...containerRoutes({ containers, sizes }),
    ...containerStreamRoutes(containers),
    ...execRoutes(containers),
    ...archiveRoutes(containers.files),
    ...eventRoutes(events, () => clock.nowNs()),
    ...imageRoutes(images),
    ...distributionRoutes(images),
    ...networkRoutes(networks, containers.changes),
    ...volumeRoutes({ volumes, events }),
    ...traceRoutes(tracer, channel),
    ...swarmRoutes(),
    ...pluginRoutes(),
    ...buildRoutes(),
    ...sessionRoutes(openBuilder({ images: images.parts, containers, dataRoot, log: log.error })),
  ];
  const handle = createHandler({ router: createRouter(routes), tracer, log: log.error });
  return { handle, containers, taskEvents, networks };
}
