/**
 * Networks of skiffd: the default ones (`bridge`, `host`, `none`), the mode `container:<id>`, and bridges of the user's own with names that the
 * embedded DNS server (dns/server.ts) answers, with IPv6 beside IPv4 where it is asked for. Other drivers answer that they are not there.
 *
 * ## Who calls
 * "containers" attaches a container before its task is created and releases it when its process has ended; it gets a network namespace by path,
 * which goes into the OCI specification, and the text of /etc/hosts and /etc/resolv.conf. A running container is connected and disconnected.
 * "server" lists, inspects, creates, removes and prunes. The daemon makes the service at its start (`openNetworks` in open.ts), lets it `recover`
 * once the containers that still run are known, and closes it at its end.
 *
 * ## Life of an attachment
 *     attach   addresses from the lowest free → ports reserved → record written → namespace, veths, addresses, route → ports published
 *     release  ports withdrawn → namespace's name removed → record deleted
 * `attach` that fails undoes all of it. The kernel takes an unnamed namespace down together with its veths when the last process has left, in
 * its own time: a release costs half a millisecond, not thirty. All of it is synchronous; nothing else of skiffd runs in between.
 *
 * One endpoint has the default route: not of an internal network, of the highest priority, then of the first name. Ports are published on it, and
 * move when `connect` or `disconnect` makes another one the first.
 *
 * ## After a crash
 * A record is written before the kernel is touched and deleted after it, and the database refuses a second record of an address, so no address
 * is given away twice. On start every network that is recorded is made as far as it is missing, and everything in the records counts as
 * attached: ports are reserved again, the firewalls made anew with them, name servers opened again. `recover` then releases whatever does not
 * run any more.
 */
import type { Filters } from "../containers/filters.ts";

export type Mode = "network" | "host" | "none" | "container";

export interface PortBinding {
  /** "" is every address of the host. */
  readonly HostIp: string;
  /** "" or "0": any free one; `a-b`: the first free one of these. */
  readonly HostPort: string;
}

/** A container's wishes for one network. */
export interface EndpointRequest {
  /** "" is any, here and below. */
  readonly ip: string;
  readonly ip6: string;
  readonly mac: string;
  /** What it is called there, besides its name, its short id and its hostname. */
  readonly aliases: readonly string[];
  /** `container:alias` */
  readonly links: readonly string[];
  readonly gwPriority: number;
}

export interface PortRequest {
  /** By `80/tcp`. */
  readonly portBindings: Readonly<Record<string, readonly PortBinding[] | null>>;
  /** `80/tcp` */
  readonly exposedPorts: readonly string[];
  /** Publish every exposed port at any free one. */
  readonly publishAll: boolean;
}

export interface AttachRequest extends PortRequest {
  readonly containerId: string;
  /** The container's name, for messages, names and inspect. */
  readonly name: string;
  /** As in HostConfig: `default`, `none`, `host`, `container:<name or id>`, or a network's name or id, whose interface is the first. */
  readonly mode: string;
  /** By name or id of the network; without any the container has a namespace and nothing in it. */
  readonly endpoints: Readonly<Record<string, EndpointRequest>>;
  readonly hostname: string;
  readonly domainname: string;
  readonly dns: DnsOptions;
  /** `name:address`; the address `host-gateway` is the default bridge's. */
  readonly extraHosts: readonly string[];
  /** `container:alias`, on the default bridge. */
  readonly links: readonly string[];
}

export interface DnsOptions {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

export interface PublishedPort {
  readonly protocol: "tcp" | "udp";
  readonly containerPort: number;
  readonly hostIp: string;
  readonly hostPort: number;
}

/** A container's place in one network. */
export interface Endpoint {
  readonly networkId: string;
  readonly network: string;
  readonly endpointId: string;
  /** `eth0`; "" without a bridge, as are the five below. */
  readonly interface: string;
  readonly ip: string;
  readonly prefix: number;
  /** "" in an internal network, too. */
  readonly gateway: string;
  /** All three are "" (0) without IPv6. */
  readonly ip6: string;
  readonly prefix6: number;
  readonly gateway6: string;
  readonly mac: string;
  readonly gwPriority: number;
  /** What other containers of the network call it; none in the default ones. */
  readonly dnsNames: readonly string[];
  /** What it calls others: alias → name or id. */
  readonly links: Readonly<Record<string, string>>;
}

/** Where the embedded DNS server sends what it does not know. */
export interface Upstream {
  readonly address: string;
  /** Reached from the host's namespace: it is the host's own loopback. */
  readonly host: boolean;
}

/** What a container has got. Plain data: it is the record that is written. */
export interface Attachment {
  readonly containerId: string;
  readonly name: string;
  readonly mode: Mode;
  readonly sandboxId: string;
  readonly hostname: string;
  readonly domainname: string;
  /** Path of the network namespace; "" is the host's. */
  readonly netnsPath: string;
  /** In the order they were connected. */
  readonly endpoints: readonly Endpoint[];
  /** Number of the next interface. */
  readonly interfaces: number;
  /** Network of the endpoint with the default route and the published ports; "" for none. */
  readonly gatewayOf: string;
  readonly wanted: PortRequest;
  readonly published: readonly PublishedPort[];
  /** As inspect shows them: by `80/tcp`; null for exposed and not published. */
  readonly ports: Readonly<Record<string, readonly PortBinding[] | null>>;
  /** Text of the two files. */
  readonly hosts: string;
  readonly resolvConf: string;
  readonly extraHosts: readonly string[];
  /** Lines of /etc/hosts that links have made: address, names. */
  readonly linked: readonly (readonly [string, string])[];
  readonly dns: DnsOptions;
}

export interface IpamConfig {
  readonly Subnet?: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: Readonly<Record<string, string>>;
}

/** `docker network inspect`, API 1.50; older versions lack EnableIPv4. */
export interface NetworkResource {
  readonly Name: string;
  readonly Id: string;
  /** RFC 3339 with nanoseconds. */
  readonly Created: string;
  readonly Scope: "local";
  readonly Driver: string;
  readonly EnableIPv4: boolean;
  readonly EnableIPv6: boolean;
  readonly IPAM: {
    readonly Driver: string;
    readonly Options: Readonly<Record<string, string>> | null;
    readonly Config: readonly IpamConfig[] | null;
  };
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly Ingress: false;
  readonly ConfigFrom: { readonly Network: string };
  readonly ConfigOnly: boolean;
  readonly Containers: Readonly<Record<string, NetworkContainer>>;
  readonly Options: Readonly<Record<string, string>>;
  readonly Labels: Readonly<Record<string, string>>;
}

export interface NetworkContainer {
  readonly Name: string;
  readonly EndpointID: string;
  readonly MacAddress: string;
  readonly IPv4Address: string;
  readonly IPv6Address: string;
}

/** References are a name, an id, or the beginning of an id. @throws not_found `network x not found`; invalid_argument when several fit. */
export interface NetworkService {
  /** Newest first; `Containers` stays empty (since API 1.28 only inspect fills it). */
  list(filters?: Filters): readonly NetworkResource[];
  inspect(reference: string): NetworkResource;
  /** @param body of `POST /networks/create`, untrusted. @throws invalid_argument, permission_denied, conflict in Docker's words */
  create(body: Readonly<Record<string, unknown>>): { readonly Id: string; readonly Warning: string };
  /** @throws permission_denied in Docker's words when it is in use or a default one. */
  remove(reference: string): void;
  /** Removes those that no container is connected to; answers their names. */
  prune(filters: Filters): readonly string[];
  /** What create must refuse already; a network that is not there is none of it. @throws invalid_argument in Docker's words */
  check(mode: string, endpoints: AttachRequest["endpoints"]): void;
  /**
   * @throws internal with Docker's words when a port is taken, conflict when the other container does not run, resource_exhausted when
   * the subnet is used up.
   */
  attach(request: AttachRequest): Attachment;
  /** What is not attached is fine. */
  release(containerId: string): void;
  /** Another network for a container that is attached. */
  connect(containerId: string, reference: string, request: EndpointRequest): Attachment;
  disconnect(containerId: string, reference: string): Attachment;
  /** The container has a new name. */
  rename(containerId: string, name: string): void;
  attachment(containerId: string): Attachment | undefined;
  /** Once after the start: keeps these containers' attachments and releases all others. */
  recover(liveContainerIds: readonly string[]): void;
  /** The service ends. What containers use stays; what none uses goes: bridges made by us, and their firewalls. */
  close(): void;
}
