/** Text of a container's /etc/hosts, as libnetwork's etchosts writes it. */
const DEFAULTS = [
  ["127.0.0.1", "localhost"],
  ["::1", "localhost ip6-localhost ip6-loopback"],
  ["fe00::0", "ip6-localnet"],
  ["ff00::0", "ip6-mcastprefix"],
  ["ff02::1", "ip6-allnodes"],
  ["ff02::2", "ip6-allrouters"],
] as const;

export interface HostsRequest {
  /** `name:address` (or `name=address`, which the command line has made `:`). */
  readonly extraHosts: readonly string[];
  /** What `host-gateway` stands for; "" when there is none. */
  readonly gateway: string;
  /** The container's own addresses. */
  readonly ips: readonly string[];
  /** More lines: address and names. */
  readonly linked?: readonly (readonly [address: string, names: string])[];
  readonly hostname: string;
  readonly domainname: string;
}

function extraHost(entry: string, gateway: string): readonly [string, string] {
  const colon = entry.indexOf(":");
  const [name, address] = [entry.slice(0, colon), entry.slice(colon + 1)];
  return [address === "host-gateway" ? gateway : address, name];
}

export function hostsText(request: HostsRequest): string {
  const { ips, hostname, domainname, linked = [] } = request;
  const own = domainname === "" ? hostname : `${hostname}.${domainname} ${hostname}`;
  const lines = [
    ...DEFAULTS,
    ...request.extraHosts
      .map((entry) => extraHost(entry, request.gateway))
      .filter(([address]) => address !== ""),
    ...linked,
    ...ips.map((ip) => [ip, own] as const),
  ];
  return lines.map(([address, names]) => `${address}\t${names}\n`).join("");
}
