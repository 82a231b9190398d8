/** A network: what is kept of it on disk, and with what it has in the kernel while skiffd runs. */
import { type Cidr, parseCidr, parseIpv4 } from "../../kernel/netlink/ipv4.ts";
import type { AddressSpace } from "./addresses.ts";
import type { Bridge } from "./bridge.ts";
import type { BridgeSettings } from "./bridge-options.ts";
import type { Firewall } from "./firewall.ts";
import type { Firewall6 } from "./firewall6.ts";
import type { Ipv6Plan } from "./ipv6.ts";
import type { NetworkResource } from "./network.ts";

export interface BridgePlan extends BridgeSettings {
  readonly internal: boolean;
  /** `10.5.0.0/16` */
  readonly subnet: string;
  readonly gateway: string;
  /** `10.5.1.0/24`; "" for none. */
  readonly range: string;
  /** Addresses set aside by the user. */
  readonly reserved: readonly string[];
  /** The user has named the subnet, so that a container may name an address. */
  readonly fixed: boolean;
  /** Absent: none. */
  readonly ipv6?: Ipv6Plan;
  /** The interface was made by us and goes with the network. */
  readonly own: boolean;
}

export interface NetworkRecord {
  /** As inspect shows it, without containers. */
  readonly resource: NetworkResource;
  /** Absent for `host`, `none` and configuration networks. */
  readonly bridge?: BridgePlan;
}

export interface LiveBridge {
  readonly plan: BridgePlan;
  readonly link: Bridge;
  readonly firewall: Firewall;
  readonly firewall6?: Firewall6;
  readonly space: AddressSpace;
}

export interface LiveNetwork {
  readonly resource: NetworkResource;
  /** One of dockerd's own three: no names, no fixed addresses. */
  readonly predefined: boolean;
  readonly plan?: BridgePlan;
  /** Absent too when it could not be made at the start. */
  readonly bridge?: LiveBridge;
}

export function subnetOf({ subnet }: BridgePlan): Cidr {
  return parseCidr(subnet);
}

export function spaceOf(resource: NetworkResource, plan: BridgePlan): AddressSpace {
  return {
    networkId: resource.Id,
    name: resource.Name,
    subnet: subnetOf(plan),
    ...(plan.range === "" ? {} : { range: parseCidr(plan.range) }),
    reserved: [plan.gateway, ...plan.reserved].map((text) => parseIpv4(text)!),
  };
}

/** What a container's default route goes by; "" for an internal network. */
export function gatewayOf({ plan }: LiveBridge): string {
  return plan.internal ? "" : plan.gateway;
}

export function gateway6Of({ plan }: LiveBridge): string {
  return plan.internal ? "" : (plan.ipv6?.gateway ?? "");
}
