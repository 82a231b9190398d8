/** Networks as `docker network inspect` shows them. */

import { formatIpv4, formatNetwork } from "../../kernel/netlink/ipv4.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { Bridge } from "./bridge.ts";
import type { Attachment, Endpoint, NetworkContainer, NetworkResource } from "./network.ts";

export interface Identity {
  readonly id: string;
  readonly created: string;
}

const COMMON = Object.freeze({
  Scope: "local",
  EnableIPv4: true,
  EnableIPv6: false,
  Internal: false,
  Attachable: false,
  Ingress: false,
  ConfigFrom: { Network: "" },
  ConfigOnly: false,
  Containers: {},
  Labels: {},
} as const);

export function plainNetwork(name: "host" | "none", { id, created }: Identity): NetworkResource {
  return {
    Name: name,
    Id: id,
    Created: created,
    ...COMMON,
    Driver: name === "host" ? "host" : "null",
    IPAM: { Driver: "default", Options: null, Config: null },
    Options: {},
  };
}

export function bridgeNetwork(bridge: Bridge, { id, created }: Identity): NetworkResource {
  const Config = [{ Subnet: formatNetwork(bridge.address), Gateway: formatIpv4(bridge.address.address) }];
  return {
    Name: "bridge",
    Id: id,
    Created: created,
    ...COMMON,
    Driver: "bridge",
    IPAM: { Driver: "default", Options: null, Config },
    Options: {
      "com.docker.network.bridge.default_bridge": "true",
      "com.docker.network.bridge.enable_icc": "true",
      "com.docker.network.bridge.enable_ip_masquerade": "true",
      "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
      "com.docker.network.bridge.name": bridge.name,
      "com.docker.network.driver.mtu": String(bridge.mtu),
    },
  };
}

function asContainer(name: string, endpoint: Endpoint): NetworkContainer {
  const { endpointId, mac, ip, prefix, ip6, prefix6 } = endpoint;
  const IPv4Address = ip === "" ? "" : `${ip}/${prefix}`;
  const IPv6Address = ip6 === "" ? "" : `${ip6}/${prefix6}`;
  return { Name: name, EndpointID: endpointId, MacAddress: mac, IPv4Address, IPv6Address };
}

export function withContainers(network: NetworkResource, attachments: Iterable<Attachment>): NetworkResource {
  const own = [...attachments].flatMap(({ containerId, name, endpoints }) =>
    endpoints
      .filter(({ networkId }) => networkId === network.Id)
      .map((endpoint) => [containerId, asContainer(name, endpoint)] as const),
  );
  return { ...network, Containers: Object.fromEntries(own) };
}

/** By whole id, then name, then beginning of an id. @throws not_found, invalid_argument in Docker's words */
export function findNetwork<T extends { readonly resource: NetworkResource }>(
  networks: readonly T[],
  reference: string,
): T {
  const exact =
    networks.find(({ resource }) => resource.Id === reference) ??
    networks.find(({ resource }) => resource.Name === reference);
  if (exact !== undefined) return exact;
  const matches =
    reference === "" ? [] : networks.filter(({ resource }) => resource.Id.startsWith(reference));
  if (matches.length > 1)
    throw new SkiffError(
      "invalid_argument",
      `network ${reference} is ambiguous (${matches.length} matches found on ID prefix)`,
    );
  if (matches[0] === undefined) throw new SkiffError("not_found", `network ${reference} not found`);
  return matches[0];
}
