/** `GET /info`. */
import { readdirSync } from "node:fs";
import { hostname } from "node:os";
import type { Info } from "../../contracts/engine/system.ts";
import { ENGINE_VERSION } from "../../contracts/engine/versions.ts";
import { rfc3339Nano } from "../../lib/clock.ts";
import type { DaemonOptions } from "../config/options.ts";
import type { ContainerRecord } from "../containers/container.ts";
import { cgroupFacts, ipv4Forwarding, kernelVersion, machine, memoryTotal, operatingSystem } from "./host.ts";
import type { SystemParts } from "./parts.ts";
import { registryView } from "./registries.ts";

function countsOf(containers: readonly ContainerRecord[]) {
  const count = (...statuses: readonly string[]) =>
    containers.filter(({ state }) => statuses.includes(state.status)).length;
  const [running, paused] = [count("running", "restarting"), count("paused")];
  return {
    Containers: containers.length,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: containers.length - running - paused,
  };
}

function limitsOf(version: 1 | 2) {
  const facts = cgroupFacts(version);
  const view = {
    MemoryLimit: facts.memory,
    SwapLimit: facts.swap,
    CpuCfsPeriod: facts.cpuCfs,
    CpuCfsQuota: facts.cpuCfs,
    CPUShares: facts.cpuShares,
    CPUSet: facts.cpuset,
    PidsLimit: facts.pids,
    IPv4Forwarding: ipv4Forwarding(),
    OomKillDisable: facts.oomKillDisable,
  };
  const warnings = [
    ...(facts.memory ? [] : ["WARNING: No memory limit support"]),
    ...(facts.swap ? [] : ["WARNING: No swap limit support"]),
    ...(facts.cpuCfs ? [] : ["WARNING: No cpu cfs quota support", "WARNING: No cpu cfs period support"]),
    ...(facts.cpuShares ? [] : ["WARNING: No cpu shares support"]),
    ...(facts.cpuset ? [] : ["WARNING: No cpuset support"]),
    ...(view.IPv4Forwarding ? [] : ["WARNING: IPv4 forwarding is disabled"]),
  ];
  return { view, warnings };
}

function runtimesOf({ runtimes }: DaemonOptions): Info["Runtimes"] {
  const others = Object.entries(runtimes).map(([name, path]) => [name, { path }] as const);
  return { "skiff-runc": { path: "skiff-runc" }, ...Object.fromEntries(others) };
}

function openFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}

const NO_SWARM: Info["Swarm"] = Object.freeze({
  NodeID: "",
  NodeAddr: "",
  LocalNodeState: "inactive",
  ControlAvailable: false,
  Error: "",
  RemoteManagers: null,
});

function aboutDaemon(parts: SystemParts) {
  const { options, id, events, containerd, clock } = parts;
  return {
    ID: id,
    Driver: "overlayfs",
    DriverStatus: [["driver-type", "io.containerd.snapshotter.v1"]] as const,
    Plugins: {
      Volume: ["local"],
      Network: ["bridge", "host", "null"],
      Authorization: null,
      Log: ["json-file"],
    },
    Debug: options.level === "debug",
    NFd: openFiles(),
    NGoroutines: 1,
    SystemTime: rfc3339Nano(clock.nowNs()),
    LoggingDriver: options.log.Type,
    NEventsListener: events.listeners(),
    DockerRootDir: options.dataRoot,
    Labels: options.labels,
    ExperimentalBuild: options.experimental,
    ServerVersion: ENGINE_VERSION,
    Runtimes: runtimesOf(options),
    DefaultRuntime: options.defaultRuntime,
    LiveRestoreEnabled: true,
    Isolation: "",
    InitBinary: "skiff-init",
    ContainerdCommit: { ID: containerd().revision },
    RuncCommit: { ID: "" },
    InitCommit: { ID: "" },
    FirewallBackend: { Driver: "nftables" },
    CDISpecDirs: [],
    Containerd: {
      Address: parts.containerdAddress,
      Namespaces: { Containers: "moby", Plugins: "plugins.moby" },
    },
  };
}

export async function infoView(parts: SystemParts): Promise<Info> {
  const { options, cgroupVersion } = parts;
  const { view, warnings } = limitsOf(cgroupVersion);
  const system = operatingSystem();
  const insecure = options.hosts.some(({ kind }) => kind === "tcp") && options.tls?.verify !== true;
  const exposed = insecure
    ? [
        "[DEPRECATION NOTICE]: API is accessible on TCP without encryption: access to it is equivalent to root access on the host.",
      ]
    : [];
  return {
    ...countsOf(parts.containers()),
    Images: await parts.imageCount(),
    ...aboutDaemon(parts),
    ...view,
    CgroupDriver: "cgroupfs",
    CgroupVersion: cgroupVersion === 2 ? "2" : "1",
    KernelVersion: kernelVersion(),
    OperatingSystem: system.name,
    OSVersion: system.version,
    OSType: "linux",
    Architecture: machine(),
    IndexServerAddress: "https://index.docker.io/v1/",
    RegistryConfig: registryView(options.insecureRegistries, options.mirrors),
    NCPU: navigator.hardwareConcurrency,
    MemTotal: memoryTotal(),
    GenericResources: null,
    HttpProxy: process.env["HTTP_PROXY"] ?? "",
    HttpsProxy: process.env["HTTPS_PROXY"] ?? "",
    NoProxy: process.env["NO_PROXY"] ?? "",
    Name: hostname(),
    Swarm: NO_SWARM,
    SecurityOptions: [
      ...(parts.apparmor ? ["name=apparmor"] : []),
      "name=seccomp,profile=builtin",
      ...(cgroupVersion === 2 ? ["name=cgroupns"] : []),
    ],
    Warnings: exposed.concat(warnings).length === 0 ? null : exposed.concat(warnings),
  };
}
