/** Endpoints with the addresses they get, and how each looks as an interface. */
import { formatIpv4, parseIpv4 } from "../../kernel/netlink/ipv4.ts";
import { parseCidr6, parseIpv6 } from "../../kernel/netlink/ipv6.ts";
import { wrap } from "../../lib/errors.ts";
import type { IdSource } from "../../lib/ids.ts";
import { AddressBook, macOf } from "./addresses.ts";
import { dnsNamesOf, linksOf, type Naming } from "./endpoints.ts";
import { AddressBook6 } from "./ipv6.ts";
import type { Endpoint, EndpointRequest } from "./network.ts";
import { gateway6Of, gatewayOf, type LiveBridge, type LiveNetwork } from "./record.ts";
import type { Plug } from "./sandbox.ts";
import { bridgeOf } from "./table.ts";
import { SETUP_FAILED } from "./words.ts";

export type Joined = readonly [LiveNetwork, EndpointRequest];

type Ipv6Part = Pick<Endpoint, "ip6" | "prefix6" | "gateway6">;
const NO_IPV6: Ipv6Part = Object.freeze({ ip6: "", prefix6: 0, gateway6: "" });

export class EndpointFactory {
  readonly #ids: IdSource;
  readonly #addresses = new AddressBook();
  readonly #addresses6 = new AddressBook6();

  constructor(ids: IdSource) {
    this.#ids = ids;
  }

  /** @param number of the interface @throws in Docker's words, with no address taken */
  make(network: LiveNetwork, asked: EndpointRequest, naming: Naming, number: number): Endpoint {
    const { Id, Name, Driver } = network.resource;
    const base = {
      networkId: Id,
      network: Name,
      endpointId: this.#ids.hex(32),
      gwPriority: asked.gwPriority,
      dnsNames: dnsNamesOf(network, naming, asked.aliases),
      links: linksOf(asked.links),
    };
    if (Driver === "host" || (Driver === "null" && network.predefined))
      return { ...base, ...NO_IPV6, interface: "", ip: "", prefix: 0, gateway: "", mac: "" };
    const bridge = bridgeOf(network);
    const address = this.#addresses.take(bridge.space, asked.ip);
    const ip = formatIpv4(address);
    return {
      ...base,
      ip,
      interface: `${bridge.plan.interfacePrefix}${number}`,
      prefix: bridge.space.subnet.prefix,
      gateway: gatewayOf(bridge),
      ...this.#ipv6(bridge, asked.ip6, () => this.#addresses.give(Id, ip)),
      mac: asked.mac === "" ? macOf(address) : asked.mac,
    };
  }

  /** All of them, or none. */
  makeAll(joined: readonly Joined[], naming: Naming): Endpoint[] {
    const made: Endpoint[] = [];
    try {
      for (const [network, asked] of joined) made.push(this.make(network, asked, naming, made.length));
      return made;
    } catch (error) {
      this.give(made);
      throw wrap(error, SETUP_FAILED);
    }
  }

  /** At the start: what the records say is taken. */
  adopt(endpoints: readonly Endpoint[]): void {
    for (const { networkId, ip, ip6 } of endpoints) {
      this.#addresses.adopt(networkId, ip);
      this.#addresses6.adopt(networkId, ip6);
    }
  }

  /** Gives the addresses back. */
  give(endpoints: readonly Endpoint[]): void {
    for (const { networkId, ip, ip6 } of endpoints) {
      this.#addresses.give(networkId, ip);
      this.#addresses6.give(networkId, ip6);
    }
  }

  /** @param isGateway the default routes go this way @param hairpin it may reach its own published ports */
  plug(endpoint: Endpoint, network: LiveNetwork, isGateway: boolean, hairpin: boolean): Plug {
    const { plan, link } = bridgeOf(network);
    const { ip, prefix, mac } = endpoint;
    return {
      ...{ bridge: link, prefix, mac, hairpin, isolated: !plan.icc },
      name: endpoint.interface,
      address: parseIpv4(ip)!,
      hostName: `veth${this.#ids.hex(4).slice(0, 7)}`,
      ...(isGateway ? { gateway: parseIpv4(endpoint.gateway)! } : {}),
      ...(endpoint.ip6 === "" ? {} : { ipv6: plug6Of(endpoint, isGateway) }),
    };
  }

  #ipv6(bridge: LiveBridge, asked: string, undo: () => void): Ipv6Part {
    const { plan, space } = bridge;
    if (plan.ipv6 === undefined) return NO_IPV6;
    try {
      const ip6 = this.#addresses6.take(space.networkId, plan.ipv6, asked);
      const { prefix } = parseCidr6(plan.ipv6.subnet);
      return { ip6, prefix6: prefix, gateway6: gateway6Of(bridge) };
    } catch (error) {
      undo();
      throw error;
    }
  }
}

function plug6Of({ ip6, prefix6, gateway6 }: Endpoint, isGateway: boolean): NonNullable<Plug["ipv6"]> {
  const address = { address: parseIpv6(ip6)!, prefix: prefix6 };
  return { address, gateway: isGateway ? parseIpv6(gateway6) : undefined };
}
