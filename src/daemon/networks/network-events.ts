/** What happens to networks, for `docker events`. */
import type { EventLog } from "../events/log.ts";
import type { NetworkResource } from "./network.ts";

export type NetworkAction = "create" | "connect" | "disconnect" | "destroy";

export interface NetworkEvents {
  publish(
    action: NetworkAction,
    network: Pick<NetworkResource, "Id" | "Name" | "Driver">,
    container?: string,
  ): void;
  pruned(): void;
}

export function networkEvents(log: Pick<EventLog, "publish">): NetworkEvents {
  return {
    publish(action, { Id, Name, Driver }, container) {
      const attributes = { ...(container === undefined ? {} : { container }), name: Name, type: Driver };
      log.publish("network", action, Id, attributes);
    },
    pruned: () => log.publish("network", "prune", "", { reclaimed: "0" }),
  };
}
