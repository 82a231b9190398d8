/** From what is asked for to a network that can be made: defaults filled in, conflicts refused in Docker's words. Nothing is changed here. */
import {
  type Cidr,
  formatIpv4,
  formatNetwork,
  overlap,
  parseCidr,
  parseIpv4,
} from "../../kernel/netlink/ipv4.ts";
import { type Cidr6, parseCidr6 } from "../../kernel/netlink/ipv6.ts";
import { SkiffError } from "../../lib/errors.ts";
import { parseBridgeOptions } from "./bridge-options.ts";
import type { CreateRequest } from "./create-request.ts";
import { PREDEFINED } from "./filters.ts";
import { checkIpamConfig, isIpv6Config } from "./ipam-config.ts";
import { type Ipv6Plan, planIpv6, shownConfig6 } from "./ipv6.ts";
import type { IpamConfig, NetworkResource } from "./network.ts";
import { type AddressPool, firstAddress, freePool } from "./pools.ts";
import { type BridgePlan, type NetworkRecord, subnetOf } from "./record.ts";
import { forbidden, invalid } from "./words.ts";

export interface PlanContext {
  readonly id: string;
  readonly created: string;
  readonly mtu: number;
  readonly pools: readonly AddressPool[];
  /** All there are. */
  readonly networks: readonly NetworkRecord[];
  /** Addresses and routes of this machine. */
  taken(): readonly Cidr[];
  taken6(): readonly Cidr6[];
  /** Where IPv6 subnets come from: 48 bits, this engine's own. */
  readonly base6: Cidr6;
}

const NOT_A_MANAGER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

function checkDriver(driver: string): void {
  if (driver === "overlay") throw forbidden(NOT_A_MANAGER);
  if (driver === "host" || driver === "null")
    throw forbidden(`only one instance of "${driver}" network is allowed`);
  if (driver === "macvlan" || driver === "ipvlan")
    throw new SkiffError("unimplemented", `network driver ${driver} is not implemented by this engine`);
  if (driver !== "bridge") throw new SkiffError("not_found", `plugin "${driver}" not found`);
}

function checkRequest(request: CreateRequest, networks: readonly NetworkRecord[]): void {
  const { name, internal, attachable, ingress, scope, ipam } = request;
  if (PREDEFINED.has(name)) throw forbidden(`operation is not permitted on predefined ${name} network `);
  if (name.trim() === "") throw invalid("invalid name: name is empty");
  if (networks.some(({ resource }) => resource.Name === name))
    throw new SkiffError("conflict", `network with name ${name} already exists`);
  if (request.configOnly) {
    if (internal || attachable || ingress || scope !== "")
      throw forbidden(
        "configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported.",
      );
    if (request.configFrom !== "")
      throw forbidden("a configuration network cannot depend on another configuration network");
  } else checkDriver(request.driver);
  if (ingress || scope === "swarm" || scope === "global") throw forbidden(NOT_A_MANAGER);
  checkIpamConfig(ipam.config);
  if (ipam.driver !== "default") throw new SkiffError("not_found", `plugin "${ipam.driver}" not found`);
  if (!request.enableIpv4)
    throw request.enableIpv6
      ? new SkiffError("unimplemented", "networks without IPv4 are not implemented by this engine")
      : invalid("IPv4 or IPv6 must be enabled");
}

/** With `ConfigFrom`, the other network's subnets, options and labels. */
function completed(request: CreateRequest, networks: readonly NetworkRecord[]): CreateRequest {
  const { configFrom } = request;
  if (configFrom === "") return request;
  const source = networks.find(({ resource }) => resource.Name === configFrom && resource.ConfigOnly);
  if (source === undefined)
    throw new SkiffError("not_found", `configuration network "${configFrom}" not found`);
  if (request.ipam.config.length > 0)
    throw forbidden(
      "user-specified configurations are not supported if the network depends on a configuration network",
    );
  if (Object.keys(request.options).length > 0)
    throw forbidden(
      "network driver options are not supported if the network depends on a configuration network",
    );
  const { IPAM, Options, Labels } = source.resource;
  return {
    ...request,
    ipam: { driver: IPAM.Driver, options: IPAM.Options, config: IPAM.Config ?? [] },
    options: Options,
    labels: { ...Labels, ...request.labels },
  };
}

/** @throws permission_denied when another network has some of it. */
function subnetFor(config: IpamConfig | undefined, context: PlanContext): Cidr {
  const others = context.networks.flatMap(({ bridge }) => (bridge === undefined ? [] : [subnetOf(bridge)]));
  if (config?.Subnet === undefined) return freePool([...context.taken(), ...others], context.pools);
  const subnet = parseCidr(config.Subnet);
  if (others.some((other) => overlap(other, subnet)))
    throw forbidden("invalid pool request: Pool overlaps with other one on this address space");
  return subnet;
}

function ipv6For(configs: readonly IpamConfig[], context: PlanContext): Ipv6Plan {
  const networks = context.networks.flatMap(({ bridge }) =>
    bridge?.ipv6 === undefined ? [] : [parseCidr6(bridge.ipv6.subnet)],
  );
  return planIpv6(configs, { base: context.base6, networks, host: context.taken6() });
}

function planBridge(request: CreateRequest, context: PlanContext): BridgePlan {
  const { internal, options, ipam } = request;
  const configs = ipam.config.filter((config) => !isIpv6Config(config));
  if (configs.length > 1) throw forbidden("bridge driver doesn't support multiple subnets");
  const [config] = configs;
  const settings = parseBridgeOptions(options, { mtu: context.mtu, internal });
  const name = settings.name || `br-${context.id.slice(0, 12)}`;
  const same = context.networks.find(({ bridge }) => bridge?.name === name)?.resource;
  if (same !== undefined)
    throw forbidden(
      `cannot create network ${context.id} (${name}): conflicts with network ${same.Id} (${name}): networks have same bridge name`,
    );
  const subnet = subnetFor(config, context);
  const range = config?.IPRange ?? "";
  const reserved = Object.values(config?.AuxiliaryAddresses ?? {});
  const parsedRange = range === "" ? undefined : parseCidr(range);
  const aside = reserved.map((text) => parseIpv4(text)!);
  return {
    ...settings,
    ...{ name, internal, range, reserved },
    subnet: formatNetwork(subnet),
    gateway: config?.Gateway ?? formatIpv4(firstAddress(subnet, parsedRange, aside)),
    fixed: config?.Subnet !== undefined,
    ...(request.enableIpv6 ? { ipv6: ipv6For(ipam.config, context) } : {}),
    own: true,
  };
}

function shownConfig(asked: readonly IpamConfig[], { subnet, gateway, ipv6 }: BridgePlan): IpamConfig[] {
  const config = asked.find((one) => !isIpv6Config(one)) ?? {};
  const { IPRange, AuxiliaryAddresses } = config;
  return [
    {
      Subnet: subnet,
      ...(IPRange === undefined ? {} : { IPRange }),
      Gateway: gateway,
      ...(AuxiliaryAddresses === undefined ? {} : { AuxiliaryAddresses }),
    },
    ...(ipv6 === undefined ? [] : [shownConfig6(ipv6, asked)]),
  ];
}

/** @throws in Docker's words. */
export function planNetwork(asked: CreateRequest, context: PlanContext): NetworkRecord {
  checkRequest(asked, context.networks);
  const request = completed(asked, context.networks);
  const bridge = request.configOnly ? undefined : planBridge(request, context);
  const { driver, options } = request.ipam;
  const Config = bridge === undefined ? request.ipam.config : shownConfig(request.ipam.config, bridge);
  const resource: NetworkResource = {
    Name: request.name,
    Id: context.id,
    Created: context.created,
    Scope: "local",
    Driver: request.configOnly ? "null" : request.driver,
    EnableIPv4: true,
    EnableIPv6: request.enableIpv6,
    IPAM: { Driver: driver, Options: options, Config },
    Internal: request.internal,
    Attachable: request.attachable,
    Ingress: false,
    ConfigFrom: { Network: request.configFrom },
    ConfigOnly: request.configOnly,
    Containers: {},
    Options: request.options,
    Labels: request.labels,
  };
  return bridge === undefined ? { resource } : { resource, bridge };
}
