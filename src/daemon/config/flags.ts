/**
 * The flags of skiffd: dockerd's, with dockerd's help. `key` is the directive of daemon.json (the flag's own name unless said).
 *
 * `support` says what becomes of a flag: "done"; "void" is accepted, because what it asks for is so anyway or makes no difference here;
 * "refused" ends the start when it asks for something else than the default, because running without it could be unsafe or plainly wrong.
 */
export type FlagKind =
  | "bool"
  | "bytes"
  | "int"
  | "ip"
  | "list"
  | "map"
  | "pool-options"
  | "runtime"
  | "string"
  | "ulimit";

export interface Flag {
  readonly name: string;
  readonly short?: string;
  readonly kind: FlagKind;
  readonly usage: string;
  /** As the help shows it. */
  readonly default?: string;
  readonly key?: string;
  readonly support: "done" | "void" | "refused";
}

export const DATA_ROOT = "/var/lib/skiff";
export const EXEC_ROOT = "/run/skiff";
export const DEFAULT_HOST = `unix://${EXEC_ROOT}/skiffd.sock`;
export const CONFIG_FILE = "/etc/skiff/daemon.json";

type Row = readonly [
  names: string,
  kind: FlagKind,
  support: Flag["support"],
  usage: string,
  default_?: string,
  key?: string,
];

const ROWS: readonly Row[] = [
  ["add-runtime", "runtime", "done", "Register an additional OCI compatible runtime", "[]", "runtimes"],
  ["authorization-plugin", "list", "refused", "Authorization plugins to load", "", "authorization-plugins"],
  ["bip", "string", "done", "IPv4 address for the default bridge"],
  ["bip6", "string", "refused", "IPv6 address for the default bridge"],
  ["bridge,b", "string", "done", "Attach containers to a network bridge"],
  ["cdi-spec-dir", "list", "void", "CDI specification directories to use", "", "cdi-spec-dirs"],
  ["cgroup-parent", "string", "refused", "Set parent cgroup for all containers"],
  ["config-file", "string", "done", "Daemon configuration file", CONFIG_FILE],
  ["containerd", "string", "done", "containerd grpc address"],
  ["containerd-namespace", "string", "refused", "Containerd namespace to use", "moby"],
  [
    "containerd-plugins-namespace",
    "string",
    "void",
    "Containerd namespace to use for plugins",
    "plugins.moby",
  ],
  ["cpu-rt-period", "int", "refused", "Limit the CPU real-time period in microseconds for the parent cgroup"],
  [
    "cpu-rt-runtime",
    "int",
    "refused",
    "Limit the CPU real-time runtime in microseconds for the parent cgroup",
  ],
  ["cri-containerd", "bool", "refused", "start containerd with cri"],
  ["data-root", "string", "done", "Root directory of persistent Docker state", DATA_ROOT],
  ["debug,D", "bool", "done", "Enable debug mode"],
  [
    "default-address-pool",
    "pool-options",
    "done",
    "Default address pools for node specific local networks",
    "",
    "default-address-pools",
  ],
  [
    "default-cgroupns-mode",
    "string",
    "refused",
    'Default mode for containers cgroup namespace ("host" | "private")',
  ],
  ["default-gateway", "ip", "refused", "Default gateway IPv4 address for the default bridge network"],
  ["default-gateway-v6", "ip", "refused", "Default gateway IPv6 address for the default bridge network"],
  [
    "default-ipc-mode",
    "string",
    "refused",
    'Default mode for containers ipc ("shareable" | "private")',
    "private",
  ],
  ["default-network-opt", "map", "void", "Default network options", "map[]", "default-network-opts"],
  ["default-runtime", "string", "done", "Default OCI runtime for containers", "skiff-runc"],
  ["default-shm-size", "bytes", "done", "Default shm size for containers", "64MiB"],
  ["default-ulimit", "ulimit", "done", "Default ulimits for containers", "[]", "default-ulimits"],
  ["dns", "list", "done", "DNS server to use"],
  ["dns-opt", "list", "done", "DNS options to use", "", "dns-opts"],
  ["dns-search", "list", "done", "DNS search domains to use"],
  ["exec-opt", "list", "refused", "Runtime execution options", "", "exec-opts"],
  ["exec-root", "string", "done", "Root directory for execution state files", EXEC_ROOT],
  ["experimental", "bool", "void", "Enable experimental features"],
  ["feature", "map", "void", "Enable feature in the daemon", "map[]", "features"],
  ["firewall-backend", "string", "void", "Firewall backend to use, iptables or nftables", "nftables"],
  ["fixed-cidr", "string", "refused", "IPv4 subnet for the default bridge network"],
  ["fixed-cidr-v6", "string", "refused", "IPv6 subnet for the default bridge network"],
  ["group,G", "string", "done", "Group for the unix socket", "docker"],
  ["help", "bool", "done", "Print usage"],
  ["host,H", "list", "done", "Daemon socket(s) to connect to", DEFAULT_HOST, "hosts"],
  ["host-gateway-ip", "ip", "refused", "IP addresses that the special 'host-gateway' string resolves to"],
  ["http-proxy", "string", "refused", "HTTP proxy URL to use for outgoing traffic"],
  ["https-proxy", "string", "refused", "HTTPS proxy URL to use for outgoing traffic"],
  ["icc", "bool", "refused", "Enable inter-container communication for the default bridge network", "true"],
  ["init", "bool", "done", "Run an init in the container to forward signals and reap processes"],
  ["init-path", "string", "refused", "Path to the docker-init binary"],
  ["insecure-registry", "list", "done", "Enable insecure registry communication", "", "insecure-registries"],
  ["ip", "ip", "refused", "Host IP for port publishing from the default bridge network", "0.0.0.0"],
  ["ip-forward", "bool", "refused", "Enable IP forwarding in system configuration", "true"],
  ["ip-forward-no-drop", "bool", "void", "Do not set the filter-FORWARD policy to DROP"],
  ["ip-masq", "bool", "refused", "Enable IP masquerading for the default bridge network", "true"],
  ["ip6tables", "bool", "void", "Enable addition of ip6tables rules", "true"],
  ["iptables", "bool", "refused", "Enable addition of iptables rules", "true"],
  ["ipv6", "bool", "refused", "Enable IPv6 networking for the default bridge network"],
  ["label", "list", "done", "Set key=value labels to the daemon", "", "labels"],
  ["live-restore", "bool", "void", "Enable live restore of docker when containers are still running"],
  ["log-driver", "string", "done", "Default driver for container logs", "json-file"],
  ["log-format", "string", "void", 'Set the logging format ("text"|"json")', "text"],
  ["log-level,l", "string", "done", 'Set the logging level ("debug"|"info"|"warn"|"error"|"fatal")', "info"],
  ["log-opt", "map", "done", "Default log driver options for containers", "map[]", "log-opts"],
  ["max-concurrent-downloads", "int", "void", "Set the max concurrent downloads", "3"],
  ["max-concurrent-uploads", "int", "void", "Set the max concurrent uploads", "5"],
  ["max-download-attempts", "int", "void", "Set the max download attempts for each pull", "5"],
  ["metrics-addr", "string", "refused", "Set default address and port to serve the metrics api on"],
  ["mtu", "int", "done", 'Set the MTU for the default "bridge" network', "1500"],
  ["network-control-plane-mtu", "int", "void", "Network Control plane MTU", "1500"],
  ["no-new-privileges", "bool", "refused", "Set no-new-privileges by default for new containers"],
  [
    "no-proxy",
    "string",
    "refused",
    "Comma-separated list of hosts or IP addresses for which no proxy is used",
  ],
  ["node-generic-resource", "list", "void", "Advertise user-defined resource", "", "node-generic-resources"],
  ["pidfile,p", "string", "done", "Path to use for daemon PID file", `${EXEC_ROOT}/skiffd.pid`],
  ["raw-logs", "bool", "void", "Full timestamps without ANSI coloring"],
  ["registry-mirror", "list", "done", "Preferred registry mirror", "", "registry-mirrors"],
  ["rootless", "bool", "refused", "Enable rootless mode; typically used with RootlessKit"],
  ["seccomp-profile", "string", "refused", 'Path to seccomp profile. Set to "unconfined" to disable it'],
  ["selinux-enabled", "bool", "refused", "Enable selinux support"],
  ["shutdown-timeout", "int", "void", "Set the default shutdown timeout", "15"],
  ["storage-driver,s", "string", "void", "Storage driver to use"],
  ["storage-opt", "list", "refused", "Storage driver options", "", "storage-opts"],
  ["swarm-default-advertise-addr", "string", "void", "Set default address or interface for swarm"],
  ["tls", "bool", "done", "Use TLS; implied by --tlsverify"],
  ["tlscacert", "string", "done", "Trust certs signed only by this CA", "~/.docker/ca.pem"],
  ["tlscert", "string", "done", "Path to TLS certificate file", "~/.docker/cert.pem"],
  ["tlskey", "string", "done", "Path to TLS key file", "~/.docker/key.pem"],
  ["tlsverify", "bool", "done", "Use TLS and verify the remote"],
  ["userland-proxy", "bool", "void", "Use userland proxy for loopback traffic", "true"],
  ["userland-proxy-path", "string", "void", "Path to the userland proxy binary"],
  ["userns-remap", "string", "refused", "User/Group setting for user namespaces"],
  ["validate", "bool", "done", "Validate daemon configuration and exit"],
  ["version,v", "bool", "done", "Print version information and quit"],
];

export const FLAGS: readonly Flag[] = Object.freeze(
  ROWS.map(([names, kind, support, usage, byDefault, key]) => {
    const [name = "", short] = names.split(",");
    return Object.freeze({
      ...{ name, kind, support, usage },
      ...(short === undefined ? {} : { short }),
      ...(byDefault === undefined || byDefault === "" ? {} : { default: byDefault }),
      ...(key === undefined ? {} : { key }),
    });
  }),
);

export const isMany = ({ kind }: Flag): boolean =>
  ["list", "map", "pool-options", "runtime", "ulimit"].includes(kind);

export const keyOf = (flag: Flag): string => flag.key ?? flag.name;
