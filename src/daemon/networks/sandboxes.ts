/** What containers have of the networks: attached, connected, disconnected, released, and found again after a crash. network.ts has the essay. */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import type { Kernel } from "../../kernel/kernel.ts";
import { parseIpv4 } from "../../kernel/netlink/ipv4.ts";
import { parseIpv6 } from "../../kernel/netlink/ipv6.ts";
import { inNamespace, removeNamespace } from "../../kernel/netlink/namespace.ts";
import type { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { codeOf, messageOf, SkiffError, wrap } from "../../lib/errors.ts";
import type { IdSource } from "../../lib/ids.ts";
import { NameServers } from "./dns/server.ts";
import { EndpointFactory, type Joined } from "./endpoint-factory.ts";
import { ANYWHERE, alreadyConnected, checkTogether, gatewayEndpoint, needsNames } from "./endpoints.ts";
import { type HostFiles, hostsOf, linkedHosts, mergeDns, resolvConfOf } from "./files.ts";
import type { HostPorts } from "./host-ports.ts";
import type { Attachment, AttachRequest, DnsOptions, Endpoint, EndpointRequest, Mode } from "./network.ts";
import type { NetworkEvents } from "./network-events.ts";
import { portMap, wantedPorts } from "./publish.ts";
import { Publisher } from "./publisher.ts";
import type { LiveNetwork } from "./record.ts";
import { upstreamsOf } from "./resolv-conf.ts";
import { addPlug, createSandbox, type Plug, removePlug, setDefaultRoute } from "./sandbox.ts";
import type { NetworkStore } from "./store.ts";
import type { NetworkTable } from "./table.ts";
import { invalid, SETUP_FAILED } from "./words.ts";

export interface SandboxParts {
  readonly kernel: Kernel;
  readonly store: NetworkStore;
  /** Opened in the host's network namespace. */
  readonly socket: NetlinkSocket;
  readonly table: NetworkTable;
  readonly hostPorts: HostPorts;
  /** Directory of the namespaces' names. */
  readonly netnsDir: string;
  /** Of the daemon: `--dns` … */
  readonly dns: DnsOptions;
  readonly hostFiles: HostFiles;
  readonly events: NetworkEvents;
  readonly ids: IdSource;
  readonly log: (message: string) => void;
}

const CONTAINER_PREFIX = "container:";
const DEFAULT_MODES: ReadonlySet<string> = new Set(["", "default", "bridge"]);

export class Sandboxes {
  readonly #parts: SandboxParts;
  readonly #attachments = new Map<string, Attachment>();
  readonly #endpoints: EndpointFactory;
  readonly #names: NameServers;
  readonly #publisher: Publisher;

  /** Takes over everything in the records: see `recover`. */
  constructor(parts: SandboxParts) {
    this.#parts = parts;
    this.#endpoints = new EndpointFactory(parts.ids);
    const { kernel, table, hostPorts, log, dns, hostFiles } = parts;
    mkdirSync(parts.netnsDir, { recursive: true, mode: 0o755 });
    this.#names = new NameServers({
      kernel,
      attachment: (id) => this.#attachments.get(id),
      upstreams: (one) => upstreamsOf(hostFiles.plainResolvConf(), mergeDns(one.dns, dns)),
    });
    this.#publisher = new Publisher({ table, hostPorts, log, attachments: () => this.#attachments.values() });
    for (const attachment of parts.store.attachments()) this.#adopt(attachment);
    for (const { bridge, resource } of table.all())
      if (bridge !== undefined) this.#publisher.rebuild(resource.Id);
  }

  all(): Iterable<Attachment> {
    return this.#attachments.values();
  }

  get(containerId: string): Attachment | undefined {
    return this.#attachments.get(containerId);
  }

  /** Once in a while: firewalls that somebody has flushed. */
  heal(): void {
    this.#publisher.heal();
  }

  /** The default bridge's rules name all our bridges, which have changed. */
  rebuildDefault(): void {
    const bridge = this.#parts.table.all().find(({ resource }) => resource.Name === "bridge");
    if (bridge !== undefined) this.#publisher.rebuild(bridge.resource.Id);
  }

  /** Names of the containers connected to a network. */
  users(networkId: string): string[] {
    const own = [...this.#attachments.values()].filter(({ endpoints }) =>
      endpoints.some((endpoint) => endpoint.networkId === networkId),
    );
    return own.map(({ name }) => name);
  }

  attach(request: AttachRequest): Attachment {
    this.release(request.containerId);
    const attachment = this.#attach(request);
    for (const { networkId } of attachment.endpoints) this.#tell("connect", networkId, attachment);
    return attachment;
  }

  release(containerId: string): void {
    const attachment = this.#attachments.get(containerId);
    if (attachment === undefined) return;
    const { kernel, store } = this.#parts;
    const { netnsPath, mode, endpoints } = attachment;
    this.#publisher.withdraw(attachment);
    this.#attachments.delete(containerId);
    this.#names.close(containerId);
    this.#names.remove(endpoints);
    this.#publisher.free(attachment);
    if (netnsPath !== "" && mode !== "container") removeNamespace(kernel, netnsPath);
    store.remove(containerId);
    this.#endpoints.give(endpoints);
    for (const { networkId } of endpoints) this.#tell("disconnect", networkId, attachment);
  }

  connect(containerId: string, reference: string, asked: EndpointRequest): Attachment {
    const { kernel, socket, table } = this.#parts;
    const before = this.#must(containerId);
    const network = table.find(reference);
    const { Id, Name, Driver } = network.resource;
    if (before.endpoints.some(({ networkId }) => networkId === Id)) throw alreadyConnected(before.name, Name);
    checkTogether(this.#driversOf(before), Driver, before.mode === "container" ? CONTAINER_PREFIX : "");
    const endpoint = this.#endpoints.make(network, asked, before, before.interfaces);
    const endpoints = [...before.endpoints, endpoint];
    const next = this.#withFiles({ ...before, endpoints, interfaces: before.interfaces + 1 });
    this.#replace(before, next);
    try {
      if (endpoint.interface !== "") addPlug(kernel, socket, next.netnsPath, this.#plug(endpoint));
      if (needsNames(next)) inNamespace(kernel, next.netnsPath, () => this.#names.openHere(containerId));
      const settled = this.#settleGateway(next);
      this.#tell("connect", Id, settled);
      return settled;
    } catch (error) {
      this.#unplug(this.#must(containerId), endpoint);
      throw error;
    }
  }

  disconnect(containerId: string, reference: string): Attachment {
    const { table } = this.#parts;
    const before = this.#must(containerId);
    const { Id, Name, Driver } = table.find(reference).resource;
    if (Driver === "host")
      throw invalid(
        "cannot disconnect container from host network - container was created in host network mode",
      );
    const endpoint = before.endpoints.find(({ networkId }) => networkId === Id);
    if (endpoint === undefined)
      throw new SkiffError("unknown", `container ${containerId} is not connected to network ${Name}`);
    const after = this.#unplug(before, endpoint);
    this.#tell("disconnect", Id, after);
    return after;
  }

  rename(containerId: string, name: string): void {
    const before = this.#attachments.get(containerId);
    if (before === undefined) return;
    const renamed = (names: readonly string[]) => names.map((one) => (one === before.name ? name : one));
    const endpoints = before.endpoints.map((one) => ({ ...one, dnsNames: renamed(one.dnsNames) }));
    this.#replace(before, { ...before, name, endpoints });
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
    for (const attachment of this.#attachments.values()) this.#mend(attachment);
  }

  close(): void {
    this.#names.closeAll();
    this.#parts.hostPorts.close();
  }

  #must(containerId: string): Attachment {
    const found = this.#attachments.get(containerId);
    if (found !== undefined) return found;
    throw new SkiffError("conflict", `container ${containerId} is not attached to any network`);
  }

  #tell(action: "connect" | "disconnect", networkId: string, { containerId }: Attachment): void {
    const network = this.#parts.table.byId(networkId);
    if (network !== undefined) this.#parts.events.publish(action, network.resource, containerId);
  }

  #driversOf({ endpoints }: Attachment): string[] {
    return endpoints.map(({ networkId }) => this.#parts.table.byId(networkId)?.resource.Driver ?? "");
  }

  #replace(before: Attachment, next: Attachment): void {
    this.#parts.store.put(next);
    this.#names.remove(before.endpoints);
    this.#attachments.set(next.containerId, next);
    this.#names.add(next.endpoints);
  }

  #adopt(attachment: Attachment): void {
    this.#attachments.set(attachment.containerId, attachment);
    this.#endpoints.adopt(attachment.endpoints);
    this.#names.add(attachment.endpoints);
    this.#publisher.adopt(attachment);
  }

  /** A crash may have come between a record and what it says; and the name server's sockets went with skiffd. */
  #mend(attachment: Attachment): void {
    const { kernel, socket, log } = this.#parts;
    const { containerId, netnsPath, mode, endpoints } = attachment;
    if (mode === "container" || netnsPath === "") return;
    try {
      const missing = inNamespace(kernel, netnsPath, () => {
        if (needsNames(attachment)) this.#names.openHere(containerId);
        const there = readFileSync("/proc/thread-self/net/dev", "utf8");
        return endpoints.filter((one) => one.interface !== "" && !there.includes(` ${one.interface}:`));
      });
      if (missing.length === 0) return;
      for (const one of missing) addPlug(kernel, socket, netnsPath, this.#plug(one));
      this.#settleGateway({ ...attachment, gatewayOf: "" });
    } catch (error) {
      log(`mend network of ${attachment.name}: ${messageOf(error)}`);
    }
  }

  #attach(request: AttachRequest): Attachment {
    if (request.mode.startsWith(CONTAINER_PREFIX)) return this.#keep(this.#shared(request));
    const joined = this.#joined(request);
    const host = joined.find(([{ resource }]) => resource.Driver === "host");
    if (host !== undefined) return this.#keep(this.#hostNetwork(request, host));
    return this.#isolated(request, joined);
  }

  /** The network named by the mode comes first, the others by name. */
  #joined(request: AttachRequest): Joined[] {
    const { table } = this.#parts;
    const find = (key: string) => {
      const isDefault = DEFAULT_MODES.has(key);
      try {
        return table.find(isDefault ? "bridge" : key);
      } catch (error) {
        // With `--bridge none` there is no network of that name; `none` is always there.
        if (isDefault && codeOf(error) === "not_found") return table.find("none");
        throw wrap(error, SETUP_FAILED);
      }
    };
    const found = new Map<LiveNetwork, EndpointRequest>();
    const keys = Object.keys(request.endpoints).toSorted();
    const first = keys.filter((key) => key === request.mode);
    for (const key of [...first, ...keys]) {
      const network = find(key);
      if (!found.has(network)) found.set(network, request.endpoints[key] ?? ANYWHERE);
    }
    return [...found];
  }

  #base(request: AttachRequest, mode: Mode): Attachment {
    const { containerId, name, hostname, domainname, extraHosts, dns } = request;
    const { portBindings, exposedPorts, publishAll } = request;
    return {
      ...{ containerId, name, mode, hostname, domainname, extraHosts, dns },
      ...{ sandboxId: this.#parts.ids.hex(32), netnsPath: "", endpoints: [], interfaces: 0, gatewayOf: "" },
      wanted: { portBindings, exposedPorts, publishAll },
      ...{ published: [], ports: {}, hosts: "", resolvConf: "", linked: [] },
    };
  }

  #withFiles(attachment: Attachment): Attachment {
    const { hostFiles, dns, table } = this.#parts;
    const bridge = table.all().find(({ resource }) => resource.Name === "bridge")?.bridge;
    const gateway = bridge === undefined ? "" : bridge.plan.gateway;
    const hosts = hostsOf(attachment, gateway);
    return { ...attachment, hosts, resolvConf: resolvConfOf(hostFiles, attachment, dns) };
  }

  #keep(attachment: Attachment): Attachment {
    this.#parts.store.put(attachment);
    this.#attachments.set(attachment.containerId, attachment);
    return attachment;
  }

  #hostNetwork(request: AttachRequest, [network, asked]: Joined): Attachment {
    const base = this.#base(request, "host");
    const endpoint = this.#endpoints.make(network, asked, base, 0);
    const attachment = this.#withFiles({ ...base, endpoints: [endpoint] });
    if (request.extraHosts.length > 0) return attachment;
    return { ...attachment, hosts: this.#parts.hostFiles.hosts() };
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
    const { netnsPath, hosts, resolvConf, sandboxId } = other;
    return { ...this.#base(request, "container"), netnsPath, hosts, resolvConf, sandboxId };
  }

  #plug(endpoint: Endpoint, isGateway = false, hairpin = false): Plug {
    const network = this.#parts.table.byId(endpoint.networkId);
    if (network === undefined) throw new SkiffError("not_found", `network ${endpoint.networkId} not found`);
    return this.#endpoints.plug(endpoint, network, isGateway, hairpin);
  }

  #isolated(request: AttachRequest, joined: readonly Joined[]): Attachment {
    const { kernel, socket, netnsDir } = this.#parts;
    const find = (name: string) => [...this.#attachments.values()].find((one) => one.name === name);
    const onDefault = joined.some(([{ resource }]) => resource.Name === "bridge");
    const linked = onDefault ? linkedHosts(request.links, request.name, find) : [];
    const mode = joined.some(([{ resource }]) => resource.Driver === "null") ? "none" : "network";
    const base = this.#base(request, mode);
    const endpoints = this.#endpoints.makeAll(joined, base);
    const netnsPath = `${netnsDir}/${request.containerId}`;
    const unpublished = { ...base, netnsPath, endpoints, linked, interfaces: endpoints.length };
    const attachment = this.#withFiles(this.#withPorts(unpublished));
    this.#attachments.set(attachment.containerId, attachment);
    this.#names.add(endpoints);
    try {
      this.#parts.store.put(attachment);
      const gateway = gatewayEndpoint(endpoints);
      const hairpin = attachment.published.length > 0;
      const plugs = endpoints
        .filter((one) => one.interface !== "")
        .map((one) => this.#plug(one, one === gateway, hairpin && one === gateway));
      createSandbox(kernel, socket, netnsPath, plugs, () => {
        if (needsNames(attachment)) this.#names.openHere(attachment.containerId);
      });
      this.#publisher.publish(attachment);
      return attachment;
    } catch (error) {
      this.release(attachment.containerId);
      throw wrap(error, `${SETUP_FAILED}: attach ${attachment.name}`);
    }
  }

  /** Reserves the ports on the endpoint that has the default route. */
  #withPorts(attachment: Attachment): Attachment {
    const gateway = gatewayEndpoint(attachment.endpoints);
    const nothing = Object.fromEntries(wantedPorts(attachment.wanted).map(([port]) => [port, null]));
    if (gateway === undefined) return { ...attachment, gatewayOf: "", published: [], ports: nothing };
    try {
      const published = this.#publisher.reserve(attachment, gateway);
      const ports = portMap(attachment.wanted, published);
      return { ...attachment, gatewayOf: gateway.networkId, published, ports };
    } catch (error) {
      this.#endpoints.give(attachment.endpoints);
      throw wrap(
        error,
        `${SETUP_FAILED}: driver failed programming external connectivity on endpoint ${attachment.name} (${gateway.endpointId})`,
      );
    }
  }

  /** The default route and the published ports go to the endpoint that is now the first. `before` says where they are. */
  #settleGateway(before: Attachment, withdrawn = false): Attachment {
    const { kernel } = this.#parts;
    const gateway = gatewayEndpoint(before.endpoints);
    if ((gateway?.networkId ?? "") === before.gatewayOf) return before;
    if (!withdrawn) this.#publisher.withdraw(before);
    const address = gateway === undefined ? undefined : parseIpv4(gateway.gateway)!;
    const address6 = parseIpv6(gateway?.gateway6 ?? "");
    const route = address === undefined ? undefined : { interface: gateway!.interface, address, address6 };
    setDefaultRoute(kernel, before.netnsPath, route);
    const next = this.#publisher.move(before, gateway);
    this.#replace(before, next);
    this.#publisher.publish(next);
    return next;
  }

  #unplug(before: Attachment, endpoint: Endpoint): Attachment {
    const { kernel } = this.#parts;
    const hadGateway = before.gatewayOf === endpoint.networkId;
    // While it is known where they are.
    if (hadGateway) this.#publisher.withdraw(before);
    if (endpoint.interface !== "") removePlug(kernel, before.netnsPath, endpoint.interface);
    const endpoints = before.endpoints.filter((one) => one.networkId !== endpoint.networkId);
    const next = this.#withFiles({ ...before, endpoints });
    this.#replace(before, next);
    this.#endpoints.give([endpoint]);
    return this.#settleGateway(next, hadGateway);
  }
}
