/** Everything skiff-containerd consists of: this list is the only place where its services are put together. */
import type { ServiceImplementation } from "../wire/h2/api.ts";
import { createBundles } from "./core/bundles.ts";
import type { Snapshotter } from "./core/snapshots.ts";
import { createContainerStore } from "./metadata/containers.ts";
import { createContentRecords } from "./metadata/content.ts";
import { createImageStore } from "./metadata/images.ts";
import { createLeaseStore } from "./metadata/leases.ts";
import { createNamespaceStore } from "./metadata/namespaces.ts";
import type { ContainerdParts } from "./parts.ts";
import { createCollector } from "./plugins/collector.ts";
import { createContentStore } from "./plugins/content/store.ts";
import { createDiffer } from "./plugins/differs/differ.ts";
import { native } from "./plugins/snapshotters/native.ts";
import { overlayfs } from "./plugins/snapshotters/overlayfs.ts";
import { DirectorySnapshotter } from "./plugins/snapshotters/snapshotter.ts";
import { containersService } from "./services/containers.ts";
import { contentService } from "./services/content.ts";
import { diffService } from "./services/diff.ts";
import { eventsService } from "./services/events.ts";
import { healthService } from "./services/health.ts";
import { imageEvents, imagesService } from "./services/images.ts";
import { introspectionService, type PluginDescription } from "./services/introspection.ts";
import { leasesService } from "./services/leases.ts";
import { namespacesService } from "./services/namespaces.ts";
import { snapshotsService } from "./services/snapshots.ts";
import { tasksService } from "./services/tasks.ts";
import { traceService } from "./services/trace.ts";
import { transferService } from "./services/transfer.ts";
import { versionService } from "./services/version.ts";

/** What Introspection.Plugins answers; clients look for snapshotters and differs in it. Only what is really here is listed. */
const PLUGINS: readonly PluginDescription[] = [
  { type: "io.containerd.metadata.v1", id: "bolt" },
  { type: "io.containerd.content.v1", id: "content" },
  { type: "io.containerd.snapshotter.v1", id: "overlayfs" },
  { type: "io.containerd.snapshotter.v1", id: "native" },
  { type: "io.containerd.differ.v1", id: "walking" },
  { type: "io.containerd.transfer.v1", id: "local" },
  { type: "io.containerd.gc.v1", id: "scheduler" },
  { type: "io.containerd.event.v1", id: "exchange" },
  { type: "io.containerd.runtime.v2", id: "task" },
  { type: "io.containerd.streaming.v1", id: "manager" },
  ...[
    "version",
    "introspection",
    "namespaces",
    "containers",
    "tasks",
    "events",
    "content",
    "images",
    "leases",
    "snapshots",
    "diff",
    "transfer",
    "streaming",
    "healthcheck",
  ].map((id) => ({ type: "io.containerd.grpc.v1", id })),
];

export interface Assembly {
  readonly services: readonly ServiceImplementation[];
}

export function assemble(parts: ContainerdParts, streaming: ServiceImplementation): Assembly {
  const { database, events, clock, ids, tasks, tracer } = parts;
  const namespaces = createNamespaceStore(database);
  const containers = createContainerStore(database, namespaces, clock);
  const leases = createLeaseStore(database, namespaces, clock);
  const bundles = createBundles(parts.state);
  const records = createContentRecords(database, namespaces, clock);
  const content = createContentStore({ root: parts.root, records, clock });
  const images = createImageStore(database, namespaces, clock, imageEvents(events));
  const trees = { root: parts.root, database, namespaces, clock, ids };
  const snapshotters: ReadonlyMap<string, Snapshotter> = new Map(
    [overlayfs, native].map((kind) => [kind.name, new DirectorySnapshotter(kind, trees)]),
  );
  const differ = createDiffer({ content, ids, root: parts.root });
  const collector = createCollector({ database, content, snapshotters, clock, log: parts.log });
  // What was in the making when the last process ended has no root.
  collector.schedule();
  return {
    services: [
      versionService(),
      healthService(),
      introspectionService(parts.root, PLUGINS),
      namespacesService(namespaces, events),
      containersService(containers, events),
      tasksService({ tasks, containers, bundles }),
      eventsService(events),
      contentService({ content, events, collector }),
      imagesService(images, collector),
      snapshotsService({ snapshotters, events, collector }),
      diffService(differ),
      transferService(
        { content, images, leases, snapshotters, differ, collector, clock, ids, sleep: Bun.sleep },
        parts.streams,
      ),
      leasesService(leases, collector, ids),
      streaming,
      traceService(tracer),
    ],
  };
}
