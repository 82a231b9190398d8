/** The network service as "containers" wants it (containers/ports.ts): from a container's record to a request, and back to what inspect shows. */

import { wrap } from "../../lib/errors.ts";
import type { EndpointSettings } from "../containers/config.ts";
import type { ContainerRecord } from "../containers/container.ts";
import type { ContainerNetwork, EndpointState, Networks } from "../containers/ports.ts";
import type { Attachment, AttachRequest, Endpoint, EndpointRequest, NetworkService } from "./network.ts";
import { isNotFound } from "./table.ts";

function endpointRequest(settings: EndpointSettings): EndpointRequest {
  return {
    ip: settings.IPAMConfig?.IPv4Address ?? "",
    ip6: settings.IPAMConfig?.IPv6Address ?? "",
    mac: settings.MacAddress ?? "",
    aliases: settings.Aliases ?? [],
    links: settings.Links ?? [],
    gwPriority: settings.GwPriority ?? 0,
  };
}

function endpointRequests(endpoints: ContainerRecord["endpoints"]): AttachRequest["endpoints"] {
  return Object.fromEntries(
    Object.entries(endpoints).map(([key, settings]) => [key, endpointRequest(settings)]),
  );
}

function requestOf({ id, name, config, hostConfig, endpoints }: ContainerRecord): AttachRequest {
  const disabled = config.NetworkDisabled === true;
  const mode = disabled ? "none" : hostConfig.NetworkMode;
  return {
    containerId: id,
    ...{ name, mode },
    endpoints: disabled ? endpointRequests({ none: {} }) : endpointRequests(endpoints),
    hostname: config.Hostname,
    domainname: config.Domainname,
    portBindings: hostConfig.PortBindings,
    exposedPorts: Object.keys(config.ExposedPorts ?? {}),
    publishAll: hostConfig.PublishAllPorts,
    dns: { servers: hostConfig.Dns, search: hostConfig.DnsSearch, options: hostConfig.DnsOptions },
    extraHosts: hostConfig.ExtraHosts ?? [],
    links: hostConfig.Links ?? [],
  };
}

function endpointState(endpoint: Endpoint): EndpointState {
  const { networkId, endpointId, gateway, ip, prefix, mac, dnsNames } = endpoint;
  return {
    ...{ NetworkID: networkId, EndpointID: endpointId, Gateway: gateway, IPAddress: ip, IPPrefixLen: prefix },
    IPv6Gateway: endpoint.gateway6,
    GlobalIPv6Address: endpoint.ip6,
    GlobalIPv6PrefixLen: endpoint.prefix6,
    MacAddress: mac,
    DNSNames: dnsNames.length > 0 ? dnsNames : null,
  };
}

function asContainerNetwork(attachment: Attachment): ContainerNetwork {
  const { netnsPath, sandboxId, ports, hosts, resolvConf } = attachment;
  const endpoints = Object.fromEntries(attachment.endpoints.map((one) => [one.network, endpointState(one)]));
  return {
    ...(netnsPath === "" ? {} : { netns: netnsPath }),
    ...{ sandboxId, endpoints, ports, hosts, resolvConf },
  };
}

function check(service: NetworkService, mode: string, endpoints: ContainerRecord["endpoints"]): void {
  for (const [name, settings] of Object.entries(endpoints)) {
    try {
      service.check(mode, endpointRequests({ [name]: settings }));
    } catch (error) {
      throw wrap(error, `invalid config for network ${name}`);
    }
  }
  service.check(mode, endpointRequests(endpoints));
}

export function networksForContainers(service: NetworkService): Networks {
  return {
    check: async (hostConfig, endpoints) => check(service, hostConfig.NetworkMode, endpoints),
    attach: async (container) => asContainerNetwork(service.attach(requestOf(container))),
    detach: async (containerId) => service.release(containerId),
    async connect(containerId, network, settings) {
      return asContainerNetwork(service.connect(containerId, network, endpointRequest(settings)));
    },
    disconnect: async (containerId, network) => asContainerNetwork(service.disconnect(containerId, network)),
    rename: (containerId, name) => service.rename(containerId, name),
    nameOf(reference) {
      try {
        return service.inspect(reference === "default" ? "bridge" : reference).Name;
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    stateOf(containerId) {
      const attachment = service.attachment(containerId);
      return attachment === undefined ? undefined : asContainerNetwork(attachment);
    },
    recover: async (running) => service.recover(running.map(({ id }) => id)),
  };
}
