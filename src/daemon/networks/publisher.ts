/** Ports of containers on the firewalls of their networks. */
import { forgetFlows, udpFlowsTo, udpFlowsToPort } from "../../kernel/netlink/conntrack.ts";
import { parseIpv4 } from "../../kernel/netlink/ipv4.ts";
import { messageOf } from "../../lib/errors.ts";
import type { Firewall } from "./firewall.ts";
import type { HostPorts } from "./host-ports.ts";
import type { Attachment, Endpoint, PublishedPort } from "./network.ts";
import { freePorts, portMap, publicationsOf, reservePorts } from "./publish.ts";
import type { NetworkTable } from "./table.ts";

export interface PublisherParts {
  readonly table: NetworkTable;
  readonly hostPorts: HostPorts;
  readonly log: (message: string) => void;
  attachments(): Iterable<Attachment>;
}

/** Address of the endpoint that the ports are on. */
function addressOf({ endpoints, gatewayOf }: Attachment): string {
  return endpoints.find(({ networkId }) => networkId === gatewayOf)?.ip ?? "";
}

export class Publisher {
  readonly #parts: PublisherParts;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /** @throws in Docker's words, with none reserved */
  reserve({ wanted }: Attachment, gateway: Endpoint): PublishedPort[] {
    const { table, hostPorts } = this.#parts;
    const binding = table.byId(gateway.networkId)?.bridge?.plan.hostBinding ?? "";
    return reservePorts(hostPorts, wanted, gateway.ip, parseIpv4(binding) ?? 0);
  }

  free({ published }: Attachment): void {
    freePorts(this.#parts.hostPorts, published);
  }

  /** After a start of skiffd. */
  adopt(attachment: Attachment): void {
    const { hostPorts, log } = this.#parts;
    const address = addressOf(attachment);
    for (const { protocol, hostIp, hostPort, containerPort } of attachment.published) {
      try {
        const target = `${address}:${containerPort}/${protocol}`;
        hostPorts.reserve({ protocol, ip: parseIpv4(hostIp)!, port: hostPort }, target);
      } catch (error) {
        // Somebody took it while no skiffd ran. Its packets go to the container all the same.
        log(`reserve port of ${attachment.name} again: ${messageOf(error)}`);
      }
    }
  }

  /** Another endpoint has the default route: the same ports of the host, as far as there were any. */
  move(attachment: Attachment, gateway: Endpoint | undefined): Attachment {
    if (gateway === undefined) {
      this.free(attachment);
      const ports = Object.fromEntries(Object.keys(attachment.ports).map((port) => [port, null]));
      return { ...attachment, gatewayOf: "", published: [], ports };
    }
    const published = attachment.gatewayOf === "" ? this.#again(attachment, gateway) : attachment.published;
    const ports = portMap(attachment.wanted, published);
    return { ...attachment, gatewayOf: gateway.networkId, published, ports };
  }

  /** Mends a firewall that somebody has flushed, or that a dockerd's policy has closed, before the next container needs it. */
  publish(attachment: Attachment): void {
    const { endpoints, gatewayOf, published } = attachment;
    for (const { networkId } of endpoints) {
      const firewall = this.#firewall(networkId);
      if (firewall === undefined) continue;
      const own = networkId === gatewayOf ? published : [];
      if (firewall.isTouched() && !firewall.isIntact()) this.rebuild(networkId);
      else if (own.length > 0) firewall.publish(publicationsOf(addressOf(attachment), own));
    }
    this.#forgetUdp(attachment);
  }

  withdraw(attachment: Attachment): void {
    const { name, gatewayOf, published } = attachment;
    if (published.length === 0) return;
    try {
      this.#firewall(gatewayOf)?.withdraw(publicationsOf(addressOf(attachment), published));
    } catch (error) {
      // Somebody has flushed the rules: these ports are gone, and all others with them.
      this.#parts.log(`withdraw ports of ${name}: ${messageOf(error)}`);
      this.rebuild(gatewayOf, attachment.containerId);
    }
    this.#forgetUdp(attachment);
  }

  /** What somebody has flushed is made again, with the ports. */
  heal(): void {
    for (const { resource, bridge } of this.#parts.table.all()) {
      try {
        if (bridge === undefined) continue;
        if (bridge.firewall.isTouched() && !bridge.firewall.isIntact()) this.rebuild(resource.Id);
        if (bridge.firewall6?.isIntact() === false) bridge.firewall6.rebuild();
      } catch (error) {
        this.#parts.log(`mend firewall of network ${resource.Name}: ${messageOf(error)}`);
      }
    }
  }

  rebuild(networkId: string, except = ""): void {
    const own = [...this.#parts.attachments()].filter(
      ({ containerId, gatewayOf }) => gatewayOf === networkId && containerId !== except,
    );
    this.#firewall(networkId)?.rebuild(own.flatMap((one) => publicationsOf(addressOf(one), one.published)));
  }

  #firewall(networkId: string): Firewall | undefined {
    return this.#parts.table.byId(networkId)?.bridge?.firewall;
  }

  /** A network without a way out had no ports; a port that was taken meanwhile stays unpublished. */
  #again(attachment: Attachment, gateway: Endpoint): readonly PublishedPort[] {
    if (attachment.published.length > 0) return attachment.published;
    return this.reserve(attachment, gateway);
  }

  /** Of the time before: to the host itself, or to the container that had the address. */
  #forgetUdp(attachment: Attachment): void {
    const ports = attachment.published.filter(({ protocol }) => protocol === "udp");
    const address = parseIpv4(addressOf(attachment));
    if (ports.length === 0 || address === undefined) return;
    try {
      forgetFlows([udpFlowsTo(address), ...ports.map(({ hostPort }) => udpFlowsToPort(hostPort))]);
    } catch (error) {
      this.#parts.log(`forget UDP flows of ${attachment.name}: ${messageOf(error)}`);
    }
  }
}
