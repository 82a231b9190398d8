/** `GET /containers/{id}/json`, every field of Docker 28's ContainerInspect. */
import { type ContainerRecord, isRunning } from "./container.ts";
import { endpointSettings } from "./endpoints.ts";
import type { Execs } from "./execs.ts";
import { containerDir, logPath, type Parts } from "./parts.ts";
import { commandOf } from "./spec/build.ts";

function stateOf({ state }: ContainerRecord): Record<string, unknown> {
  const running = state.status === "running" || state.status === "paused" || state.status === "restarting";
  return {
    Status: state.status,
    Running: running,
    Paused: state.status === "paused",
    Restarting: state.status === "restarting",
    OOMKilled: state.oomKilled,
    Dead: state.status === "dead",
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: state.startedAt,
    FinishedAt: state.finishedAt,
    ...(state.health === undefined ? {} : { Health: state.health }),
  };
}

function networkSettings(parts: Parts, container: ContainerRecord): Record<string, unknown> {
  const live = parts.networks.stateOf(container.id);
  const bridge = live?.endpoints["bridge"];
  return {
    Bridge: "",
    SandboxID: live?.sandboxId ?? "",
    SandboxKey: live?.netns ?? "",
    Ports: live?.ports ?? {},
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge?.EndpointID ?? "",
    Gateway: bridge?.Gateway ?? "",
    GlobalIPv6Address: bridge?.GlobalIPv6Address ?? "",
    GlobalIPv6PrefixLen: bridge?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: bridge?.IPAddress ?? "",
    IPPrefixLen: bridge?.IPPrefixLen ?? 0,
    IPv6Gateway: bridge?.IPv6Gateway ?? "",
    MacAddress: bridge?.MacAddress ?? "",
    Networks: endpointSettings(parts, container),
  };
}

export function mountsOf(container: ContainerRecord): readonly Record<string, unknown>[] {
  return container.mounts.map((mount) => ({
    Type: mount.type,
    ...(mount.name === "" ? {} : { Name: mount.name }),
    Source: mount.source,
    Destination: mount.destination,
    ...(mount.driver === "" ? {} : { Driver: mount.driver }),
    Mode: mount.mode,
    RW: mount.rw,
    Propagation: mount.propagation,
  }));
}

/** Files that exist once the container has been started. */
function filesOf(parts: Parts, container: ContainerRecord): Record<string, string> {
  const started = isRunning(container) || container.state.finishedAt > container.created;
  const directory = containerDir(parts.paths, container.id);
  const path = (name: string) => (started ? `${directory}/${name}` : "");
  const logged = started && container.hostConfig.LogConfig.Type === "json-file";
  return {
    ResolvConfPath: path("resolv.conf"),
    HostnamePath: path("hostname"),
    HostsPath: path("hosts"),
    LogPath: logged ? logPath(parts.paths, container.id) : "",
  };
}

export function inspectContainer(
  parts: Parts & { readonly execs: Execs },
  reference: string,
): Record<string, unknown> {
  const container = parts.registry.get(reference);
  const [path = "", ...args] = commandOf(container);
  const execs = parts.execs.idsOf(container.id);
  const { image } = container;
  return {
    Id: container.id,
    Created: container.created,
    Path: path,
    Args: args,
    State: stateOf(container),
    Image: image.id,
    ...filesOf(parts, container),
    Name: `/${container.name}`,
    RestartCount: container.state.restartCount,
    Driver: "overlayfs",
    Platform: image.platform.split("/")[0] ?? "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: parts.host.apparmor.enabled ? "docker-default" : "",
    ExecIDs: execs.length === 0 ? null : execs,
    HostConfig: container.hostConfig,
    GraphDriver: { Data: null, Name: "overlayfs" },
    Mounts: mountsOf(container),
    Config: container.config,
    NetworkSettings: networkSettings(parts, container),
    ...(image.manifest === undefined ? {} : { ImageManifestDescriptor: image.manifest }),
  };
}
