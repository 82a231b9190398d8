/** The flags that `run` and `create` share: docker's, in its words. create-request.ts makes the API's request of them. */
import { bool, type Flag, int, list, text } from "../../command.ts";
import {
  checkAddress,
  checkLink,
  checkStream,
  checkSysctl,
  extraHostOf,
  searchDomainOf,
} from "./addresses.ts";
import { bytesRateOf, checkCgroupRule, countRateOf, gpuOf, weightOf } from "./devices.ts";
import { attachmentOf } from "./endpoints.ts";
import { checkLabel, checkVariable } from "./environment.ts";
import { mountOf } from "./mounts.ts";
import { bytesOf, durationOf, nanoCpusOf, swapOf, ulimitOf } from "./values.ts";

const bytes = (name: string, usage: string, more: Partial<Flag> = {}) =>
  text(name, usage, { type: "bytes", check: bytesOf, ...more });
const amount = (name: string, usage: string, short?: string) =>
  int(name, usage, { default: "0", ...(short === undefined ? {} : { short }) });
const duration = (name: string, usage: string) => text(name, usage, { type: "duration", check: durationOf });

const CGROUPNS = `Cgroup namespace to use (host|private)
'host':    Run the container in the Docker host's cgroup namespace
'private': Run the container in its own private cgroup namespace
'':        Use the cgroup namespace as configured by the
           default-cgroupns-mode option on the daemon (default)`;

export const CREATE_FLAGS: readonly Flag[] = [
  list("add-host", "Add a custom host-to-IP mapping (host:ip)", { check: extraHostOf }),
  list("annotation", "Add an annotation to the container (passed through to the OCI runtime)", {
    type: "map",
  }),
  list("attach", "Attach to STDIN, STDOUT or STDERR", { short: "a", check: checkStream }),
  text("blkio-weight", "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)", {
    type: "uint16",
  }),
  list("blkio-weight-device", "Block IO weight (relative device weight)", { default: "[]", check: weightOf }),
  list("cap-add", "Add Linux capabilities"),
  list("cap-drop", "Drop Linux capabilities"),
  text("cgroup-parent", "Optional parent cgroup for the container"),
  text("cgroupns", CGROUPNS),
  text("cidfile", "Write the container ID to the file"),
  amount("cpu-period", "Limit CPU CFS (Completely Fair Scheduler) period"),
  amount("cpu-quota", "Limit CPU CFS (Completely Fair Scheduler) quota"),
  amount("cpu-rt-period", "Limit CPU real-time period in microseconds"),
  amount("cpu-rt-runtime", "Limit CPU real-time runtime in microseconds"),
  amount("cpu-shares", "CPU shares (relative weight)", "c"),
  text("cpus", "Number of CPUs", { type: "decimal", check: nanoCpusOf }),
  text("cpuset-cpus", "CPUs in which to allow execution (0-3, 0,1)"),
  text("cpuset-mems", "MEMs in which to allow execution (0-3, 0,1)"),
  list("device", "Add a host device to the container"),
  list("device-cgroup-rule", "Add a rule to the cgroup allowed devices list", { check: checkCgroupRule }),
  list("device-read-bps", "Limit read rate (bytes per second) from a device", {
    default: "[]",
    check: bytesRateOf,
  }),
  list("device-read-iops", "Limit read rate (IO per second) from a device", {
    default: "[]",
    check: countRateOf,
  }),
  list("device-write-bps", "Limit write rate (bytes per second) to a device", {
    default: "[]",
    check: bytesRateOf,
  }),
  list("device-write-iops", "Limit write rate (IO per second) to a device", {
    default: "[]",
    check: countRateOf,
  }),
  bool("disable-content-trust", "Skip image verification", undefined, "true"),
  list("dns", "Set custom DNS servers", { check: checkAddress }),
  list("dns-option", "Set DNS options"),
  { ...list("dns-opt", "Set DNS options"), hidden: true, sameAs: "dns-option" },
  list("dns-search", "Set custom DNS search domains", { check: searchDomainOf }),
  text("domainname", "Container NIS domain name"),
  text("entrypoint", "Overwrite the default ENTRYPOINT of the image"),
  list("env", "Set environment variables", { short: "e", check: checkVariable }),
  list("env-file", "Read in a file of environment variables"),
  list("expose", "Expose a port or a range of ports"),
  list("gpus", "GPU devices to add to the container ('all' to pass all GPUs)", {
    type: "gpu-request",
    check: gpuOf,
  }),
  list("group-add", "Add additional groups to join"),
  text("health-cmd", "Command to run to check health"),
  duration("health-interval", "Time between running the check (ms|s|m|h) (default 0s)"),
  amount("health-retries", "Consecutive failures needed to report unhealthy"),
  duration(
    "health-start-interval",
    "Time between running the check during the start period (ms|s|m|h) (default 0s)",
  ),
  duration(
    "health-start-period",
    "Start period for the container to initialize before starting health-retries countdown (ms|s|m|h) (default 0s)",
  ),
  duration("health-timeout", "Maximum time to allow one check to run (ms|s|m|h) (default 0s)"),
  bool("help", "Print usage"),
  text("hostname", "Container host name", { short: "h" }),
  bool("init", "Run an init inside the container that forwards signals and reaps processes"),
  bool("interactive", "Keep STDIN open even if not attached", "i"),
  text("ip", "IPv4 address (e.g., 172.30.100.104)"),
  text("ip6", "IPv6 address (e.g., 2001:db8::33)"),
  text("ipc", "IPC mode to use"),
  text("isolation", "Container isolation technology"),
  list("label", "Set meta data on a container", { short: "l", check: checkLabel }),
  list("label-file", "Read in a line delimited file of labels"),
  list("link", "Add link to another container", { check: checkLink }),
  list("link-local-ip", "Container IPv4/IPv6 link-local addresses"),
  text("log-driver", "Logging driver for the container"),
  list("log-opt", "Log driver options"),
  text("mac-address", "Container MAC address (e.g., 92:d0:c6:0a:29:33)"),
  bytes("kernel-memory", "Kernel memory limit"),
  bytes("memory", "Memory limit", { short: "m" }),
  bytes("memory-reservation", "Memory soft limit"),
  bytes("memory-swap", "Swap limit equal to memory plus swap: '-1' to enable unlimited swap", {
    check: swapOf,
  }),
  int("memory-swappiness", "Tune container memory swappiness (0 to 100)", { default: "-1" }),
  list("mount", "Attach a filesystem mount to the container", { type: "mount", check: mountOf }),
  text("name", "Assign a name to the container"),
  list("network", "Connect a container to a network", { type: "network", check: attachmentOf }),
  {
    ...list("net", "Connect a container to a network", { type: "network", check: attachmentOf }),
    hidden: true,
    sameAs: "network",
  },
  list("network-alias", "Add network-scoped alias for the container"),
  {
    ...list("net-alias", "Add network-scoped alias for the container"),
    hidden: true,
    sameAs: "network-alias",
  },
  bool("no-healthcheck", "Disable any container-specified HEALTHCHECK"),
  bool("oom-kill-disable", "Disable OOM Killer"),
  amount("oom-score-adj", "Tune host's OOM preferences (-1000 to 1000)"),
  text("pid", "PID namespace to use"),
  amount("pids-limit", "Tune container pids limit (set -1 for unlimited)"),
  text("platform", "Set platform if server is multi-platform capable", {
    default: process.env["DOCKER_DEFAULT_PLATFORM"] ?? "",
  }),
  bool("privileged", "Give extended privileges to this container"),
  list("publish", "Publish a container's port(s) to the host", { short: "p" }),
  bool("publish-all", "Publish all exposed ports to random ports", "P"),
  text("pull", 'Pull image before running ("always", "missing", "never")', { default: "missing" }),
  bool("quiet", "Suppress the pull output", "q"),
  bool("read-only", "Mount the container's root filesystem as read only"),
  text("restart", "Restart policy to apply when a container exits", { default: "no" }),
  bool("rm", "Automatically remove the container and its associated anonymous volumes when it exits"),
  text("runtime", "Runtime to use for this container"),
  list("security-opt", "Security Options"),
  bytes("shm-size", "Size of /dev/shm"),
  text("stop-signal", "Signal to stop the container"),
  amount("stop-timeout", "Timeout (in seconds) to stop a container"),
  list("storage-opt", "Storage driver options for the container"),
  list("sysctl", "Sysctl options", { type: "map", check: checkSysctl }),
  list("tmpfs", "Mount a tmpfs directory"),
  bool("tty", "Allocate a pseudo-TTY", "t"),
  list("ulimit", "Ulimit options", { type: "ulimit", default: "[]", check: ulimitOf }),
  text("user", "Username or UID (format: <name|uid>[:<group|gid>])", { short: "u" }),
  bool("use-api-socket", "Bind mount Docker API socket and required auth"),
  text("userns", "User namespace to use"),
  text("uts", "UTS namespace to use"),
  list("volume", "Bind mount a volume", { short: "v" }),
  text("volume-driver", "Optional volume driver for the container"),
  list("volumes-from", "Mount volumes from the specified container(s)"),
  text("workdir", "Working directory inside the container", { short: "w" }),
];
