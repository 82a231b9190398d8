/** Where foreign shims tell what happens: the ttrpc socket beside our gRPC one, passed on to the event bus. */
import { rmSync } from "node:fs";
import { Events } from "../../../contracts/containerd/gen/events_ttrpc_pb.ts";
import { nanosecondsOf } from "../../../contracts/containerd/timestamps.ts";
import { SkiffError } from "../../../lib/errors.ts";
import { implement } from "../../../wire/h2/server.ts";
import { createTtrpcServer, type TtrpcServer } from "../../../wire/ttrpc/server.ts";
import type { EventBus } from "../../core/events.ts";

/** Shims built before and after containerd moved the package. */
const NAMES = ["containerd.services.events.ttrpc.v1.Events", "ttrpc.events.v1.Events"];

export function serveShimEvents(address: string, bus: EventBus): TtrpcServer {
  const implementation = implement(Events, {
    forward({ envelope }) {
      if (envelope === undefined) throw new SkiffError("invalid_argument", "envelope: required");
      const { namespace, topic, event, timestamp } = envelope;
      bus.forward({ timestampNs: nanosecondsOf(timestamp), namespace, topic, event });
      return {};
    },
  });
  const server = createTtrpcServer(NAMES.map((name) => ({ name, implementation })));
  const path = `${address}.ttrpc`;
  rmSync(path, { force: true });
  const mask = process.umask(0o177);
  server.listen(path);
  process.umask(mask);
  return {
    ...server,
    close() {
      server.close();
      rmSync(path, { force: true });
    },
  };
}
