/** The network service as "containers" wants it (containers/ports.ts): from a container's record to a request, and back to what inspect shows. */
import { SkiffError } from "../../lib/errors.ts";
import type { ContainerRecord } from "../containers/container.ts";
import type { ContainerNetwork, Networks } from "../containers/ports.ts";
import type { Attachment, AttachRequest, NetworkService } from "./network.ts";

function requestOf({ id, name, config, hostConfig, endpoints }: ContainerRecord): AttachRequest {
  const mac = endpoints["bridge"]?.MacAddress;
  return {
    containerId: id,
    name,
    mode: config.NetworkDisabled === true ? "none" : hostConfig.NetworkMode,
    hostname: config.Hostname,
    domainname: config.Domainname,
    ...(mac === undefined || mac === "" ? {} : { mac }),
    portBindings: hostConfig.PortBindings,
    exposedPorts: Object.keys(config.ExposedPorts ?? {}),
    publishAll: hostConfig.PublishAllPorts,
    dns: { servers: hostConfig.Dns, search: hostConfig.DnsSearch, options: hostConfig.DnsOptions },
    extraHosts: hostConfig.ExtraHosts ?? [],
  };
}

function endpointsOf(service: NetworkService, attachment: Attachment): ContainerNetwork["endpoints"] {
  const { network, endpointId, gateway, ip, prefix, mac } = attachment;
  if (network === "") return {};
  // With `--bridge none` there is no network of that name; `none` is always there.
  const { Id } = service.inspect(network);
  return {
    [network]: {
      ...{ NetworkID: Id, EndpointID: endpointId, Gateway: gateway, IPAddress: ip, IPPrefixLen: prefix },
      ...{ IPv6Gateway: "", GlobalIPv6Address: "", GlobalIPv6PrefixLen: 0, MacAddress: mac, DNSNames: null },
    },
  };
}

function asContainerNetwork(service: NetworkService, attachment: Attachment): ContainerNetwork {
  const { netnsPath, ports, hosts, resolvConf } = attachment;
  const endpoints = endpointsOf(service, attachment);
  return { ...(netnsPath === "" ? {} : { netns: netnsPath }), endpoints, ports, hosts, resolvConf };
}

export function networksForContainers(service: NetworkService): Networks {
  return {
    async check(hostConfig, endpoints) {
      service.check(hostConfig.NetworkMode);
      for (const [name, settings] of Object.entries(endpoints)) {
        service.check(name);
        const asked = settings.IPAMConfig;
        if ((asked?.IPv4Address ?? "") !== "" || (asked?.IPv6Address ?? "") !== "")
          throw new SkiffError(
            "invalid_argument",
            "user specified IP address is supported on user defined networks only",
          );
      }
    },
    attach: async (container) => asContainerNetwork(service, service.attach(requestOf(container))),
    detach: async (containerId) => service.release(containerId),
    stateOf(containerId) {
      const attachment = service.attachment(containerId);
      return attachment === undefined ? undefined : asContainerNetwork(service, attachment);
    },
    recover: async (running) => service.recover(running.map(({ id }) => id)),
  };
}
