/** The daemon's part of `skiff info`, for people. */
import type { Info } from "../../../contracts/engine/system.ts";
import { binarySize } from "../../format/units.ts";

type Line = readonly [indent: number, name: string, value: string | number | boolean];

const list = (name: string, values: readonly string[] | null | undefined): readonly Line[] =>
  (values ?? []).length === 0 ? [] : [[1, name, ""], ...values!.map((value): Line => [2, "", value])];

const present = (name: string, value: string): readonly Line[] => (value === "" ? [] : [[1, name, value]]);

function driverLines(info: Info): readonly Line[] {
  const { Plugins } = info;
  const authorization = Plugins.Authorization ?? [];
  return [
    [1, "Storage Driver", info.Driver],
    ...(info.DriverStatus ?? []).map(([name, value]): Line => [2, name, value]),
    [1, "Logging Driver", info.LoggingDriver],
    [1, "Cgroup Driver", info.CgroupDriver],
    [1, "Cgroup Version", info.CgroupVersion],
    [1, "Plugins", ""],
    [2, "Volume", (Plugins.Volume ?? []).join(" ")],
    [2, "Network", (Plugins.Network ?? []).join(" ")],
    ...(authorization.length === 0 ? [] : [[2, "Authorization", authorization.join(" ")] as const]),
    [2, "Log", (Plugins.Log ?? []).join(" ")],
    ...list("CDI spec directories", info.CDISpecDirs),
  ];
}

function securityLines(options: readonly string[]): readonly Line[] {
  const parsed = options.map((option) =>
    option.split(",").map((part) => part.split("=", 2) as [string, string?]),
  );
  const lines = parsed.flatMap((pairs): Line[] => [
    [2, "", pairs.find(([key]) => key === "name")?.[1] ?? pairs[0]![0]],
    ...pairs.filter(([key]) => key === "profile").map(([, value = ""]): Line => [3, "Profile", value]),
  ]);
  return lines.length === 0 ? [] : [[1, "Security Options", ""], ...lines];
}

function runtimeLines(info: Info): readonly Line[] {
  return [
    [1, "Swarm", info.Swarm.LocalNodeState],
    [1, "Runtimes", Object.keys(info.Runtimes).join(" ")],
    [1, "Default Runtime", info.DefaultRuntime],
    [1, "Init Binary", info.InitBinary],
    [1, "containerd version", info.ContainerdCommit.ID],
    [1, "runc version", info.RuncCommit.ID],
    [1, "init version", info.InitCommit.ID],
    ...securityLines(info.SecurityOptions ?? []),
  ];
}

function machineLines(info: Info): readonly Line[] {
  return [
    [1, "Kernel Version", info.KernelVersion],
    [1, "Operating System", info.OperatingSystem],
    [1, "OSType", info.OSType],
    [1, "Architecture", info.Architecture],
    [1, "CPUs", info.NCPU],
    [1, "Total Memory", binarySize(info.MemTotal)],
    [1, "Name", info.Name],
    [1, "ID", info.ID],
    [1, "Docker Root Dir", info.DockerRootDir],
    [1, "Debug Mode", info.Debug],
  ];
}

function debugLines(info: Info): readonly Line[] {
  if (!info.Debug) return [];
  return [
    [2, "File Descriptors", info.NFd],
    [2, "Goroutines", info.NGoroutines],
    [2, "System Time", info.SystemTime],
    [2, "EventsListeners", info.NEventsListener],
  ];
}

function registryLines(info: Info): readonly Line[] {
  const { IndexConfigs, InsecureRegistryCIDRs, Mirrors } = info.RegistryConfig;
  const insecure = Object.entries(IndexConfigs).filter(
    ([, config]) => "Secure" in config && config.Secure === false,
  );
  return [
    ...list("Insecure Registries", [...insecure.map(([name]) => name), ...InsecureRegistryCIDRs]),
    ...list("Registry Mirrors", Mirrors),
  ];
}

/** `user`: who is logged in to the daemon's own registry. */
export function serverInfo(info: Info, user: string): string {
  const lines: readonly Line[] = [
    [1, "Containers", info.Containers],
    [2, "Running", info.ContainersRunning],
    [2, "Paused", info.ContainersPaused],
    [2, "Stopped", info.ContainersStopped],
    [1, "Images", info.Images],
    ...present("Server Version", info.ServerVersion),
    ...driverLines(info),
    ...runtimeLines(info),
    ...machineLines(info),
    ...debugLines(info),
    ...present("HTTP Proxy", info.HttpProxy),
    ...present("HTTPS Proxy", info.HttpsProxy),
    ...present("No Proxy", info.NoProxy),
    ...present("Username", user),
    ...list("Labels", info.Labels),
    [1, "Experimental", info.ExperimentalBuild],
    ...registryLines(info),
    [1, "Live Restore Enabled", info.LiveRestoreEnabled],
  ];
  const headings = new Set(["Plugins", "Security Options", "CDI spec directories", "Labels"]);
  for (const name of ["Insecure Registries", "Registry Mirrors"]) headings.add(name);
  return lines
    .map(([indent, name, value]) => {
      const head = " ".repeat(indent) + (name === "" ? "" : `${name}:`);
      if (name === "") return `${head}${value}\n`;
      return value === "" && headings.has(name) ? `${head}\n` : `${head} ${value}\n`;
    })
    .join("");
}
