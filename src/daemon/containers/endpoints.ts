/** Networks of a container in the words of inspect and list: what was asked for, with what the network service knows while it runs. */
import type { EndpointSettings } from "./config.ts";
import type { ContainerRecord } from "./container.ts";
import type { Parts } from "./parts.ts";
import type { EndpointState } from "./ports.ts";

function shown(asked: EndpointSettings, live: EndpointState | undefined): Record<string, unknown> {
  return {
    IPAMConfig: asked.IPAMConfig ?? null,
    Links: asked.Links ?? null,
    Aliases: asked.Aliases ?? null,
    MacAddress: live?.MacAddress ?? asked.MacAddress ?? "",
    DriverOpts: asked.DriverOpts ?? null,
    GwPriority: asked.GwPriority ?? 0,
    NetworkID: live?.NetworkID ?? "",
    EndpointID: live?.EndpointID ?? "",
    Gateway: live?.Gateway ?? "",
    IPAddress: live?.IPAddress ?? "",
    IPPrefixLen: live?.IPPrefixLen ?? 0,
    IPv6Gateway: live?.IPv6Gateway ?? "",
    GlobalIPv6Address: live?.GlobalIPv6Address ?? "",
    GlobalIPv6PrefixLen: live?.GlobalIPv6PrefixLen ?? 0,
    DNSNames: live?.DNSNames ?? null,
  };
}

export function endpointSettings(
  parts: Pick<Parts, "networks">,
  container: ContainerRecord,
): Record<string, unknown> {
  const live = parts.networks.stateOf(container.id)?.endpoints ?? {};
  // A network may have been asked for by its id.
  const asked = new Map(
    Object.entries(container.endpoints).map(([key, settings]) => [
      key in live ? key : (parts.networks.nameOf(key) ?? key),
      settings,
    ]),
  );
  const names = new Set([...asked.keys(), ...Object.keys(live)]);
  return Object.fromEntries([...names].map((name) => [name, shown(asked.get(name) ?? {}, live[name])]));
}
