/** The network service over its parts; network.ts has the essay. */
import { mkdirSync, readdirSync } from "node:fs";
import { unless } from "../../kernel/errno.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { forgetFlows, udpFlowsTo, udpFlowsToPort } from "../../kernel/netlink/conntrack.ts";
import { formatIpv4, parseIpv4 } from "../../kernel/netlink/ipv4.ts";
import { deleteLink } from "../../kernel/netlink/link.ts";
import { removeNamespace } from "../../kernel/netlink/namespace.ts";
import type { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { type Clock, rfc3339Nano } from "../../lib/clock.ts";
import { messageOf, SkiffError, wrap } from "../../lib/errors.ts";
import type { IdSource } from "../../lib/ids.ts";
import type { Filters } from "../containers/filters.ts";
import { lowestFree, macOf } from "./addresses.ts";
import type { Bridge } from "./bridge.ts";
import { matchesNetwork } from "./filters.ts";
import type { Firewall } from "./firewall.ts";
import type { HostPorts } from "./host-ports.ts";
import { hostsText } from "./hosts.ts";
import type {
  Attachment,
  AttachRequest,
  DnsOptions,
  Mode,
  NetworkResource,
  NetworkService,
  PublishedPort,
} from "./network.ts";
import { freePorts, portMap, publicationsOf, reservePorts, wantedPorts } from "./publish.ts";
import { resolvConfText } from "./resolv-conf.ts";
import { bridgeNetwork, findNetwork, plainNetwork, withContainers } from "./resources.ts";
import { createSandbox } from "./sandbox.ts";
import type { NetworkStore } from "./store.ts";

export interface ServiceParts {
  readonly kernel: Kernel;
  readonly store: NetworkStore;
  /** Opened in the host's network namespace. */
  readonly socket: NetlinkSocket;
  /** Absent with `--bridge none`: containers on the default network then have none. */
  readonly bridge?: { readonly link: Bridge; readonly firewall: Firewall };
  readonly hostPorts: HostPorts;
  /** Directory of the namespaces' names. */
  readonly netnsDir: string;
  /** Of the daemon: `--dns` … */
  readonly dns: DnsOptions;
  /** Text of the host's resolv.conf and hosts, as they are now. */
  readonly hostFiles: { resolvConf(): string; hosts(): string };
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly log: (message: string) => void;
  /** What else goes at the end: sockets. */
  readonly dispose: () => void;
}

const CONTAINER_PREFIX = "container:";

function modeOf(text: string): Mode | undefined {
  if (text === "" || text === "default" || text === "bridge") return "bridge";
  if (text === "host" || text === "none") return text;
  return text.startsWith(CONTAINER_PREFIX) ? "container" : undefined;
}

/** Identity of a default network, the same for ever. */
function identityOf({ store, ids, clock }: ServiceParts, name: string) {
  const known = store.setting(`network:${name}`);
  if (known !== undefined) return JSON.parse(known) as { id: string; created: string };
  const identity = { id: ids.hex(32), created: rfc3339Nano(clock.nowNs()) };
  store.set(`network:${name}`, JSON.stringify(identity));
  return identity;
}

function defaultNetworks(parts: ServiceParts): NetworkResource[] {
  const plain = (["host", "none"] as const).map((name) => plainNetwork(name, identityOf(parts, name)));
  if (parts.bridge === undefined) return plain;
  return [bridgeNetwork(parts.bridge.link, identityOf(parts, "bridge")), ...plain];
}

function mergeDns(own: DnsOptions, daemon: DnsOptions): DnsOptions {
  const pick = (key: keyof DnsOptions) => (own[key].length > 0 ? own[key] : daemon[key]);
  return { servers: pick("servers"), search: pick("search"), options: pick("options") };
}

export class DefaultNetworks implements NetworkService {
  readonly #parts: ServiceParts;
  readonly #networks: readonly NetworkResource[];
  readonly #attachments = new Map<string, Attachment>();
  /** Addresses of the bridge that are given out. */
  readonly #addresses = new Set<number>();

  /** Takes over everything in the records: see `recover`. */
  constructor(parts: ServiceParts) {
    this.#parts = parts;
    mkdirSync(parts.netnsDir, { recursive: true, mode: 0o755 });
    this.#networks = defaultNetworks(parts);
    for (const attachment of parts.store.endpoints()) this.#adopt(attachment);
    this.#rebuildFirewall();
  }

  list(filters: Filters = new Map()): readonly NetworkResource[] {
    const used = new Set([...this.#attachments.values()].map(({ network }) => network));
    return this.#networks.filter((network) =>
      matchesNetwork({ network, used: used.has(network.Name) }, filters),
    );
  }

  inspect(reference: string): NetworkResource {
    return withContainers(findNetwork(this.#networks, reference), this.#attachments.values());
  }

  check(mode: string): void {
    if (modeOf(mode) === undefined) findNetwork(this.#networks, mode);
  }

  attachment(containerId: string): Attachment | undefined {
    return this.#attachments.get(containerId);
  }

  attach(request: AttachRequest): Attachment {
    this.release(request.containerId);
    const mode = modeOf(request.mode) ?? modeOf(findNetwork(this.#networks, request.mode).Name);
    if (mode === "container") return this.#keep(this.#shared(request));
    if (mode === "host") return this.#keep(this.#hostNetwork(request));
    if (mode === "none" || this.#parts.bridge === undefined) return this.#isolated(request);
    return this.#bridged(request, this.#parts.bridge);
  }

  release(containerId: string): void {
    const attachment = this.#attachments.get(containerId);
    if (attachment === undefined) return;
    const { kernel, hostPorts, store } = this.#parts;
    this.#attachments.delete(containerId);
    this.#withdraw(attachment);
    this.#forgetUdp(attachment);
    freePorts(hostPorts, attachment.published);
    const { netnsPath, mode, ip } = attachment;
    if (netnsPath !== "" && mode !== "container") removeNamespace(kernel, netnsPath);
    store.remove(containerId);
    if (mode === "bridge") this.#addresses.delete(parseIpv4(ip) ?? 0);
  }

  recover(liveContainerIds: readonly string[]): void {
    const { kernel, netnsDir, log } = this.#parts;
    const live = new Set(liveContainerIds);
    for (const id of [...this.#attachments.keys()]) if (!live.has(id)) this.release(id);
    // Names without a record: a crash between the two steps of a release.
    const known = new Set([...this.#attachments.values()].map(({ netnsPath }) => netnsPath));
    for (const name of readdirSync(netnsDir)) {
      const path = `${netnsDir}/${name}`;
      if (known.has(path)) continue;
      log(`remove network namespace ${path}: no container has it`);
      removeNamespace(kernel, path);
    }
  }

  close(): void {
    const { bridge, hostPorts, socket, dispose } = this.#parts;
    if (this.#attachments.size === 0 && bridge !== undefined) {
      bridge.firewall.remove();
      // Somebody may have deleted it before.
      if (bridge.link.own) unless(["ENODEV"], () => socket.request([deleteLink(bridge.link.index)]));
    }
    hostPorts.close();
    dispose();
  }

  #keep(attachment: Attachment): Attachment {
    this.#parts.store.put(attachment);
    this.#attachments.set(attachment.containerId, attachment);
    return attachment;
  }

  #adopt(attachment: Attachment): void {
    const { hostPorts, log } = this.#parts;
    this.#attachments.set(attachment.containerId, attachment);
    if (attachment.mode === "bridge") this.#addresses.add(parseIpv4(attachment.ip) ?? 0);
    for (const { protocol, hostIp, hostPort, containerPort } of attachment.published) {
      try {
        const target = `${attachment.ip}:${containerPort}/${protocol}`;
        hostPorts.reserve({ protocol, ip: parseIpv4(hostIp)!, port: hostPort }, target);
      } catch (error) {
        // Somebody took it while no skiffd ran. Its packets go to the container all the same.
        log(`reserve port of ${attachment.name} again: ${messageOf(error)}`);
      }
    }
  }

  #publications() {
    return [...this.#attachments.values()].flatMap(({ ip, published }) => publicationsOf(ip, published));
  }

  #rebuildFirewall(): void {
    this.#parts.bridge?.firewall.rebuild(this.#publications());
  }

  #withdraw({ name, ip, published }: Attachment): void {
    if (published.length === 0) return;
    try {
      this.#parts.bridge?.firewall.withdraw(publicationsOf(ip, published));
    } catch (error) {
      // Somebody has flushed the rules: these ports are gone, and all others with them.
      this.#parts.log(`withdraw ports of ${name}: ${messageOf(error)}`);
      this.#rebuildFirewall();
    }
  }

  /** Of the time before: to the host itself, or to the container that had the address. */
  #forgetUdp({ name, ip, published }: Attachment): void {
    const ports = published.filter(({ protocol }) => protocol === "udp").map(({ hostPort }) => hostPort);
    if (ports.length === 0) return;
    try {
      forgetFlows([udpFlowsTo(parseIpv4(ip)!), ...ports.map(udpFlowsToPort)]);
    } catch (error) {
      this.#parts.log(`forget UDP flows of ${name}: ${messageOf(error)}`);
    }
  }

  #base(request: AttachRequest, mode: Mode): Attachment {
    const { ids, dns, hostFiles, bridge } = this.#parts;
    const { containerId, name, hostname, domainname, extraHosts } = request;
    const gateway = bridge === undefined ? "" : formatIpv4(bridge.link.address.address);
    const network = mode === "bridge" ? "bridge" : mode === "host" ? "host" : "none";
    return {
      ...{ containerId, name, mode, network },
      ...{ endpointId: ids.hex(32), sandboxId: ids.hex(32) },
      ...{ netnsPath: "", ip: "", prefix: 0, gateway: "", mac: "", published: [], ports: {} },
      hosts: hostsText({ extraHosts, gateway, ip: "", hostname, domainname }),
      resolvConf: resolvConfText(hostFiles.resolvConf(), mergeDns(request.dns, dns), mode === "host"),
    };
  }

  #hostNetwork(request: AttachRequest): Attachment {
    const base = this.#base(request, "host");
    return request.extraHosts.length > 0 ? base : { ...base, hosts: this.#parts.hostFiles.hosts() };
  }

  /** The same namespace and the same files as the other container. */
  #shared(request: AttachRequest): Attachment {
    const reference = request.mode.slice(CONTAINER_PREFIX.length);
    const other =
      this.#attachments.get(reference) ??
      [...this.#attachments.values()].find(
        ({ name, containerId }) =>
          name === reference || (reference !== "" && containerId.startsWith(reference)),
      );
    if (other === undefined)
      throw new SkiffError("conflict", `cannot join network of a non running container: ${reference}`);
    const { containerId, name } = request;
    const { netnsPath, hosts, resolvConf, sandboxId } = other;
    const none = {
      network: "",
      endpointId: "",
      ip: "",
      prefix: 0,
      gateway: "",
      mac: "",
      published: [],
      ports: {},
    };
    return { ...none, containerId, name, mode: "container", netnsPath, hosts, resolvConf, sandboxId };
  }

  #isolated(request: AttachRequest): Attachment {
    const { kernel, socket, netnsDir } = this.#parts;
    const ports = Object.fromEntries(wantedPorts(request).map(([port]) => [port, null]));
    const netnsPath = `${netnsDir}/${request.containerId}`;
    const attachment = this.#keep({ ...this.#base(request, "none"), netnsPath, ports });
    return this.#orRelease(attachment, () => createSandbox(kernel, socket, netnsPath));
  }

  #bridged(request: AttachRequest, { link, firewall }: NonNullable<ServiceParts["bridge"]>): Attachment {
    const { kernel, socket, ids, netnsDir } = this.#parts;
    const base = this.#base(request, "bridge");
    const address = lowestFree(link.address, this.#addresses);
    const ip = formatIpv4(address);
    const mac = request.mac ?? macOf(address);
    const published = this.#reserve(request, base.endpointId, ip);
    const gateway = formatIpv4(link.address.address);
    const attachment = {
      ...base,
      ...{ ip, prefix: link.address.prefix, gateway, mac, published },
      netnsPath: `${netnsDir}/${request.containerId}`,
      ports: portMap(request, published),
      hosts: hostsText({ ...request, gateway, ip }),
    };
    this.#addresses.add(address);
    this.#attachments.set(attachment.containerId, attachment);
    return this.#orRelease(attachment, () => {
      this.#parts.store.put(attachment);
      const hostName = `veth${ids.hex(4).slice(0, 7)}`;
      createSandbox(kernel, socket, attachment.netnsPath, {
        bridge: link,
        address,
        mac,
        hostName,
        hairpin: published.length > 0,
      });
      // `nft flush ruleset`, or a dockerd that has set its policy: mended before the next container needs it.
      if (firewall.isTouched() && !firewall.isIntact()) this.#rebuildFirewall();
      else if (published.length > 0) firewall.publish(publicationsOf(ip, published));
      this.#forgetUdp(attachment);
    });
  }

  #reserve(request: AttachRequest, endpointId: string, ip: string): PublishedPort[] {
    try {
      return reservePorts(this.#parts.hostPorts, request, ip);
    } catch (error) {
      throw wrap(
        error,
        `failed to set up container networking: driver failed programming external connectivity on endpoint ${request.name} (${endpointId})`,
      );
    }
  }

  #orRelease(attachment: Attachment, body: () => void): Attachment {
    try {
      body();
      return attachment;
    } catch (error) {
      this.release(attachment.containerId);
      throw wrap(error, `failed to set up container networking: attach ${attachment.name}`);
    }
  }
}
