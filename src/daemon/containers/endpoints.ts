/** Networks of a container in the words of inspect and list: what was asked for, with what the network service knows while it runs. */
import type { ContainerRecord } from "./container.ts";
import type { Parts } from "./parts.ts";

export function endpointSettings(
  parts: Pick<Parts, "networks">,
  container: ContainerRecord,
): Record<string, unknown> {
  const state = parts.networks.stateOf(container.id);
  const names = new Set([...Object.keys(container.endpoints), ...Object.keys(state?.endpoints ?? {})]);
  return Object.fromEntries(
    [...names].map((name) => {
      const asked = container.endpoints[name] ?? {};
      const live = state?.endpoints[name];
      return [
        name,
        {
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
        },
      ];
    }),
  );
}
