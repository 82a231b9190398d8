/** `GET /containers/json`. */
import { type ContainerRecord, isRunning } from "./container.ts";
import { endpointSettings } from "./endpoints.ts";
import { type FilterContext, type Filters, matches } from "./filters.ts";
import { mountsOf } from "./inspect.ts";
import type { Parts } from "./parts.ts";
import { commandOf } from "./spec/build.ts";
import { statusText } from "./status.ts";

export interface ListOptions {
  readonly all: boolean;
  /** The newest so many, running or not; 0: no limit. */
  readonly limit: number;
  readonly size: boolean;
  readonly filters: Filters;
}

/** As a shell would have to be told: arguments with spaces are quoted. */
function commandText(container: ContainerRecord): string {
  return commandOf(container)
    .map((word, index) => (index > 0 && /\s/.test(word) ? `'${word}'` : word))
    .join(" ");
}

interface Port {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}

function portsOf(parts: Pick<Parts, "networks">, container: ContainerRecord): readonly Port[] {
  return Object.entries(parts.networks.stateOf(container.id)?.ports ?? {}).flatMap(([key, bindings]) => {
    const [port = "0", Type = "tcp"] = key.split("/");
    const PrivatePort = Number(port);
    if (bindings === null || bindings.length === 0) return [{ PrivatePort, Type }];
    return bindings.map(({ HostIp, HostPort }) => ({
      IP: HostIp,
      PrivatePort,
      PublicPort: Number(HostPort),
      Type,
    }));
  });
}

function summary(parts: Parts, container: ContainerRecord): Record<string, unknown> {
  const { config, hostConfig, image } = container;
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: config.Image,
    ImageID: image.id,
    ...(image.manifest === undefined ? {} : { ImageManifestDescriptor: image.manifest }),
    Command: commandText(container),
    Created: Math.floor(Date.parse(container.created) / 1000),
    Ports: portsOf(parts, container),
    Labels: config.Labels,
    State: container.state.status,
    Status: statusText(container.state, parts.clock.now()),
    HostConfig: {
      NetworkMode: hostConfig.NetworkMode,
      ...(hostConfig.Annotations === undefined ? {} : { Annotations: hostConfig.Annotations }),
    },
    NetworkSettings: { Networks: endpointSettings(parts, container) },
    Mounts: mountsOf(container),
  };
}

export function listContainers(parts: Parts, options: ListOptions): readonly Record<string, unknown>[] {
  const containers = parts.registry.all();
  const context: FilterContext = {
    find: (reference) => parts.registry.get(reference),
    portsOf: (container) => portsOf(parts, container).map((port) => ({ ...port })),
    networksOf: (container) => endpointSettings(parts, container) as Record<string, { NetworkID: string }>,
  };
  const everything =
    options.all || options.limit > 0 || options.filters.has("status") || options.filters.has("exited");
  const found = containers.filter(
    (container) =>
      (everything || isRunning(container) || container.state.status === "restarting") &&
      matches(container, options.filters, context),
  );
  return (options.limit > 0 ? found.slice(0, options.limit) : found).map((container) =>
    summary(parts, container),
  );
}
