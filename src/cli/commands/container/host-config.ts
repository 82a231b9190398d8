/** What a container gets of the host, made of flags: HostConfig as docker's client sends it, in its order. */
import type { HostConfig } from "../../../contracts/engine/container.ts";
import type { Parsed } from "../../command.ts";
import { extraHostOf, searchDomainOf } from "./addresses.ts";
import {
  bytesRateOf,
  checkDevice,
  countRateOf,
  deviceOf,
  deviceRequestsOf,
  isCdi,
  weightOf,
} from "./devices.ts";
import { mountOf } from "./mounts.ts";
import { capabilitiesOf, securityOf } from "./security.ts";
import { bytesOf, invalid, nanoCpusOf, pairsOf, restartOf, swapOf, ulimitOf } from "./values.ts";

export const orNull = <T>(items: readonly T[]): readonly T[] | null => (items.length === 0 ? null : items);

/** Maps that are left out when they are empty. */
function filled<K extends string>(name: K, map: Record<string, string>): { readonly [P in K]?: typeof map } {
  return (Object.keys(map).length === 0 ? {} : { [name]: map }) as { readonly [P in K]?: typeof map };
}

function resourcesOf(flags: Parsed): object {
  const number = (name: string) => flags.number(name);
  const size = (name: string) => bytesOf(flags.text(name));
  const devices = flags.list("device");
  for (const device of devices) if (!isCdi(device)) checkDevice(device);
  return {
    ...{ CpuShares: number("cpu-shares"), Memory: size("memory"), NanoCpus: nanoCpusOf(flags.text("cpus")) },
    ...{ CgroupParent: flags.text("cgroup-parent"), BlkioWeight: number("blkio-weight") },
    BlkioWeightDevice: flags.list("blkio-weight-device").map(weightOf),
    BlkioDeviceReadBps: flags.list("device-read-bps").map(bytesRateOf),
    BlkioDeviceWriteBps: flags.list("device-write-bps").map(bytesRateOf),
    BlkioDeviceReadIOps: flags.list("device-read-iops").map(countRateOf),
    BlkioDeviceWriteIOps: flags.list("device-write-iops").map(countRateOf),
    ...{ CpuPeriod: number("cpu-period"), CpuQuota: number("cpu-quota") },
    ...{ CpuRealtimePeriod: number("cpu-rt-period"), CpuRealtimeRuntime: number("cpu-rt-runtime") },
    ...{ CpusetCpus: flags.text("cpuset-cpus"), CpusetMems: flags.text("cpuset-mems") },
    Devices: devices.filter((value) => !isCdi(value)).map(deviceOf),
    DeviceCgroupRules: orNull(flags.list("device-cgroup-rule")),
    DeviceRequests: orNull(deviceRequestsOf(flags.list("gpus"), devices)),
    MemoryReservation: size("memory-reservation"),
    MemorySwap: swapOf(flags.text("memory-swap")),
    MemorySwappiness: number("memory-swappiness"),
    OomKillDisable: flags.bool("oom-kill-disable"),
    PidsLimit: number("pids-limit"),
    Ulimits: Object.values(
      Object.fromEntries(
        flags
          .list("ulimit")
          .map(ulimitOf)
          .map((one) => [one.Name, one]),
      ),
    ),
    ...{ CpuCount: 0, CpuPercent: 0, IOMaximumIOps: 0, IOMaximumBandwidth: 0 },
  };
}

function logConfigOf(flags: Parsed): HostConfig["LogConfig"] {
  const [Type, options] = [flags.text("log-driver"), flags.list("log-opt")];
  if (Type === "none" && options.length > 0) throw invalid(`invalid logging opts for driver ${Type}`);
  return { Type, Config: pairsOf(options) };
}

function storageOf(flags: Parsed): Record<string, string> {
  const options = flags.list("storage-opt");
  if (options.some((option) => !option.includes("="))) throw invalid("invalid storage option");
  return pairsOf(options);
}

/** The namespaces that may be the host's or another's. */
function modesOf(flags: Parsed): Record<"pid" | "uts" | "userns" | "cgroupns", string> {
  const checked = (flag: string, what: string, valid: RegExp): string => {
    const value = flags.text(flag);
    if (!valid.test(value)) throw invalid(`--${flag}: invalid ${what} mode`);
    return value;
  };
  return {
    pid: checked("pid", "PID", /^(?:host|container:.+)?$/),
    uts: checked("uts", "UTS", /^(?:host)?$/),
    userns: checked("userns", "USER", /^(?:host)?$/),
    cgroupns: checked("cgroupns", "CGROUP", /^(?:host|private)?$/),
  };
}

function tmpfsOf(flags: Parsed): Record<string, string> {
  const pairs = flags.list("tmpfs").map((value): [string, string] => {
    const colon = value.indexOf(":");
    return colon < 0 ? [value, ""] : [value.slice(0, colon), value.slice(colon + 1)];
  });
  return Object.fromEntries(pairs);
}

export interface Parts {
  readonly networkMode: string;
  readonly binds: readonly string[];
  readonly portBindings: HostConfig["PortBindings"];
}

/** @throws CliError in docker's words */
export function hostConfigOf(
  flags: Parsed,
  { networkMode, binds, portBindings }: Parts,
): Partial<HostConfig> {
  const swappiness = flags.number("memory-swappiness");
  if (swappiness !== -1 && (swappiness < 0 || swappiness > 100))
    throw invalid(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
  const resources = resourcesOf(flags);
  const modes = modesOf(flags);
  const restart = restartOf(flags.text("restart"));
  const logConfig = logConfigOf(flags);
  const { SecurityOpt, MaskedPaths, ReadonlyPaths } = securityOf(flags.list("security-opt"));
  const storage = storageOf(flags);
  const runtime = flags.text("runtime");
  if (flags.bool("rm") && !["", "no"].includes(restart.Name))
    throw invalid("conflicting options: cannot specify both --restart and --rm");
  return {
    ...{ Binds: orNull(binds), ContainerIDFile: flags.text("cidfile"), LogConfig: logConfig },
    ...{ NetworkMode: networkMode, PortBindings: portBindings },
    RestartPolicy: restart as HostConfig["RestartPolicy"],
    ...{ AutoRemove: flags.bool("rm"), VolumeDriver: flags.text("volume-driver") },
    ...{ VolumesFrom: orNull(flags.list("volumes-from")), ConsoleSize: [0, 0] },
    ...filled("Annotations", pairsOf(flags.list("annotation"))),
    ...capabilitiesOf(flags.list("cap-add"), flags.list("cap-drop")),
    ...{ CgroupnsMode: modes.cgroupns, Dns: flags.list("dns").map((value) => value.trim()) },
    DnsOptions: flags.list("dns-option"),
    DnsSearch: flags.list("dns-search").map(searchDomainOf),
    ExtraHosts: orNull(flags.list("add-host").map(extraHostOf)),
    ...{ GroupAdd: orNull(flags.list("group-add")), IpcMode: flags.text("ipc"), Cgroup: "" },
    ...{ Links: orNull(flags.list("link")), OomScoreAdj: flags.number("oom-score-adj") },
    ...{ PidMode: modes.pid, Privileged: flags.bool("privileged") },
    ...{ PublishAllPorts: flags.bool("publish-all"), ReadonlyRootfs: flags.bool("read-only"), SecurityOpt },
    ...filled("StorageOpt", storage),
    ...filled("Tmpfs", tmpfsOf(flags)),
    ...{ UTSMode: modes.uts, UsernsMode: modes.userns, ShmSize: bytesOf(flags.text("shm-size")) },
    ...filled("Sysctls", pairsOf(flags.list("sysctl"))),
    ...(runtime === "" ? {} : { Runtime: runtime }),
    Isolation: flags.text("isolation"),
    ...resources,
    ...(flags.list("mount").length === 0 ? {} : { Mounts: flags.list("mount").map(mountOf) }),
    ...{ MaskedPaths, ReadonlyPaths },
    ...(flags.given("init") ? { Init: flags.bool("init") } : {}),
  };
}
