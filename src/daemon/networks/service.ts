/** The network service over its parts; network.ts has the essay. */
import type { Filters } from "../containers/filters.ts";
import { checkEndpoint } from "./endpoint-check.ts";
import { checkTogether } from "./endpoints.ts";
import { matchesNetwork } from "./filters.ts";
import type {
  Attachment,
  AttachRequest,
  EndpointRequest,
  NetworkResource,
  NetworkService,
} from "./network.ts";
import type { NetworkEvents } from "./network-events.ts";
import type { LiveNetwork } from "./record.ts";
import { withContainers } from "./resources.ts";
import type { Sandboxes } from "./sandboxes.ts";
import { isNotFound, type NetworkTable } from "./table.ts";

export interface ServiceParts {
  readonly table: NetworkTable;
  readonly sandboxes: Sandboxes;
  readonly events: NetworkEvents;
  /** What else goes at the end: sockets. */
  readonly dispose: () => void;
}

export class Networks implements NetworkService {
  readonly #parts: ServiceParts;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
  }

  list(filters: Filters = new Map()): readonly NetworkResource[] {
    const { table, sandboxes } = this.#parts;
    const all = table.all().map(({ resource }) => resource);
    return all
      .filter((network) => matchesNetwork({ network, used: sandboxes.users(network.Id).length > 0 }, filters))
      .toSorted((one, other) => (one.Created < other.Created ? 1 : -1));
  }

  inspect(reference: string): NetworkResource {
    const { table, sandboxes } = this.#parts;
    return withContainers(table.find(reference).resource, sandboxes.all());
  }

  create(body: Readonly<Record<string, unknown>>): { readonly Id: string; readonly Warning: string } {
    return { Id: this.#parts.table.create(body).Id, Warning: "" };
  }

  remove(reference: string): void {
    const { table, sandboxes } = this.#parts;
    const network = table.find(reference);
    table.remove(network, sandboxes.users(network.resource.Id));
  }

  prune(filters: Filters): readonly string[] {
    const { table, sandboxes, events } = this.#parts;
    const gone = table.prunable(filters, (id) => sandboxes.users(id).length > 0);
    for (const network of gone) table.remove(network, []);
    events.pruned();
    return gone.map(({ resource }) => resource.Name);
  }

  check(mode: string, endpoints: AttachRequest["endpoints"]): void {
    const found: string[] = [];
    for (const [key, request] of Object.entries(endpoints)) {
      const network = this.#find(key);
      checkEndpoint(key, network, request);
      const driver = network?.resource.Driver;
      if (driver === undefined || key === mode) continue;
      const own = this.#find(mode)?.resource.Driver;
      checkTogether([...(own === undefined ? [] : [own]), ...found], driver, mode);
      found.push(driver);
    }
  }

  attach(request: AttachRequest): Attachment {
    return this.#parts.sandboxes.attach(request);
  }

  release(containerId: string): void {
    this.#parts.sandboxes.release(containerId);
  }

  connect(containerId: string, reference: string, request: EndpointRequest): Attachment {
    const network = this.#parts.table.find(reference);
    checkEndpoint(reference, network, request);
    return this.#parts.sandboxes.connect(containerId, network.resource.Id, request);
  }

  disconnect(containerId: string, reference: string): Attachment {
    return this.#parts.sandboxes.disconnect(containerId, reference);
  }

  rename(containerId: string, name: string): void {
    this.#parts.sandboxes.rename(containerId, name);
  }

  attachment(containerId: string): Attachment | undefined {
    return this.#parts.sandboxes.get(containerId);
  }

  recover(liveContainerIds: readonly string[]): void {
    this.#parts.sandboxes.recover(liveContainerIds);
  }

  close(): void {
    const { table, sandboxes, dispose } = this.#parts;
    sandboxes.close();
    table.close((id) => sandboxes.users(id).length > 0);
    dispose();
  }

  #find(reference: string): LiveNetwork | undefined {
    try {
      return this.#parts.table.find(reference === "default" || reference === "" ? "bridge" : reference);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}
