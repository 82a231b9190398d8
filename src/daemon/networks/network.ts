/**
 * Networks of skiffd: the default ones, `bridge`, `host` and `none`, and the mode `container:<id>`. Networks of the user's own are not
 * implemented yet (`network x not found`), nor is IPv6.
 *
 * ## Who calls
 * "containers" attaches a container before its task is created and releases it when its process has ended; it gets a network namespace by path,
 * which goes into the OCI specification, and the text of /etc/hosts and /etc/resolv.conf. "server" lists and inspects. The daemon makes the
 * service at its start (`openNetworks` in open.ts), lets it `recover` once the containers that still run are known, and closes it at its end.
 *
 * ## Life of an attachment
 *     attach   address from the lowest free → ports reserved → record written → namespace, veth, address, route → ports published
 *     release  ports withdrawn → namespace's name removed → record deleted
 * `attach` that fails undoes all of it. The kernel takes an unnamed namespace down together with its veth when the last process has left, in
 * its own time: a release costs half a millisecond, not thirty. All of it is synchronous; nothing else of skiffd runs in between.
 *
 * ## After a crash
 * The record is written before the kernel is touched, and each address can be in one record only, so no address is given away twice. On start
 * everything in the records counts as attached: ports are reserved again and the firewall is made anew with them in one transaction, so traffic
 * of running containers does not stop. `recover` then releases whatever does not run any more.
 */
import type { Filters } from "../containers/filters.ts";

export type Mode = "bridge" | "host" | "none" | "container";

export interface PortBinding {
  /** "" is every address of the host. */
  readonly HostIp: string;
  /** "" or "0": any free one; `a-b`: the first free one of these. */
  readonly HostPort: string;
}

export interface AttachRequest {
  readonly containerId: string;
  /** The container's name, for messages and inspect. */
  readonly name: string;
  /** As in HostConfig: `default`, `bridge`, `host`, `none`, `container:<name or id>`. */
  readonly mode: string;
  readonly hostname: string;
  readonly domainname: string;
  /** Any unless given. */
  readonly mac?: string;
  /** By `80/tcp`. */
  readonly portBindings: Readonly<Record<string, readonly PortBinding[] | null>>;
  /** `80/tcp` */
  readonly exposedPorts: readonly string[];
  /** Publish every exposed port at any free one. */
  readonly publishAll: boolean;
  readonly dns: DnsOptions;
  /** `name:address`; the address `host-gateway` is the bridge's. */
  readonly extraHosts: readonly string[];
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

/** What a container has got. Plain data: it is the record that is written. */
export interface Attachment {
  readonly containerId: string;
  readonly name: string;
  readonly mode: Mode;
  /** Name of the network; "" for mode `container`. */
  readonly network: string;
  readonly endpointId: string;
  readonly sandboxId: string;
  /** Path of the network namespace; "" is the host's. */
  readonly netnsPath: string;
  /** All four are "" (0) without a bridge. */
  readonly ip: string;
  readonly prefix: number;
  readonly gateway: string;
  readonly mac: string;
  readonly published: readonly PublishedPort[];
  /** As inspect shows them: by `80/tcp`; null for exposed and not published. */
  readonly ports: Readonly<Record<string, readonly PortBinding[] | null>>;
  /** Text of the two files. */
  readonly hosts: string;
  readonly resolvConf: string;
}

/** `docker network inspect`, API 1.50; older versions lack EnableIPv4. */
export interface NetworkResource {
  readonly Name: string;
  readonly Id: string;
  /** RFC 3339 with nanoseconds. */
  readonly Created: string;
  readonly Scope: "local";
  readonly Driver: "bridge" | "host" | "null";
  readonly EnableIPv4: boolean;
  readonly EnableIPv6: boolean;
  readonly IPAM: {
    readonly Driver: "default";
    readonly Options: null;
    readonly Config: readonly { readonly Subnet: string; readonly Gateway: string }[] | null;
  };
  readonly Internal: false;
  readonly Attachable: false;
  readonly Ingress: false;
  readonly ConfigFrom: { readonly Network: "" };
  readonly ConfigOnly: false;
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

export interface NetworkService {
  /** Newest first, as dockerd; `Containers` stays empty (since API 1.28 only inspect fills it). */
  list(filters?: Filters): readonly NetworkResource[];
  /** By name, id or beginning of an id. @throws not_found `network x not found`; invalid_argument when several begin so. */
  inspect(reference: string): NetworkResource;
  /** What create must refuse already. @throws not_found, invalid_argument in Docker's words. */
  check(mode: string): void;
  /**
   * @throws internal with Docker's words when a port is taken, conflict when the other container does not run, resource_exhausted when
   * the subnet is used up.
   */
  attach(request: AttachRequest): Attachment;
  /** What is not attached is fine. */
  release(containerId: string): void;
  attachment(containerId: string): Attachment | undefined;
  /** Once after the start: keeps these containers' attachments and releases all others. */
  recover(liveContainerIds: readonly string[]): void;
  /** The service ends. What containers use stays; with none attached, bridge (if made by us) and firewall go. */
  close(): void;
}
