/** What dockerd fills in at create where the client said nothing: afterwards `inspect` shows it. */
import { READONLY_PATHS } from "../security/paths.ts";
import type { HostConfig } from "./config.ts";
import type { ContainerRecord } from "./container.ts";
import { containerOfMode, isContainerMode } from "./spec/namespaces.ts";

export interface HostDefaults {
  readonly runtime: string;
  /** Network of containers that name none: `bridge`, or `none` under `--bridge none`. */
  readonly network: string;
  readonly cgroupVersion: 1 | 2;
  readonly shmSize: number;
  readonly maskedPaths: readonly string[];
  readonly init: boolean;
  readonly log: { readonly Type: string; readonly Config: Readonly<Record<string, string>> };
  readonly ulimits: HostConfig["Ulimits"];
}

/** `container:<name>` as `container:<id>`, so that a rename does not break it. */
function byId(mode: string, find: (reference: string) => ContainerRecord): string {
  return isContainerMode(mode) ? `container:${find(containerOfMode(mode)).id}` : mode;
}

function cgroupns(host: HostConfig, version: 1 | 2): string {
  if (host.CgroupnsMode !== "") return host.CgroupnsMode;
  return version === 2 ? "private" : "host";
}

/** @throws not_found for a container mode that names none. */
export function fillHostConfig(
  host: HostConfig,
  defaults: HostDefaults,
  find: (reference: string) => ContainerRecord,
): HostConfig {
  const set = new Set((host.Ulimits ?? []).map((limit) => limit.Name));
  const ulimits = [...(host.Ulimits ?? []), ...(defaults.ulimits ?? []).filter(({ Name }) => !set.has(Name))];
  const shares = host.IpcMode === "host" || host.PidMode === "host" || host.Privileged;
  const mask = host.Privileged ? {} : { MaskedPaths: host.MaskedPaths ?? defaults.maskedPaths };
  const readonly = host.Privileged ? {} : { ReadonlyPaths: host.ReadonlyPaths ?? READONLY_PATHS };
  return {
    ...host,
    ...mask,
    ...readonly,
    NetworkMode:
      host.NetworkMode === "" || host.NetworkMode === "default"
        ? defaults.network
        : byId(host.NetworkMode, find),
    PidMode: byId(host.PidMode, find),
    IpcMode: host.IpcMode === "" ? "private" : byId(host.IpcMode, find),
    CgroupnsMode: cgroupns(host, defaults.cgroupVersion),
    Runtime: host.Runtime === "" ? defaults.runtime : host.Runtime,
    ShmSize: host.ShmSize === 0 ? defaults.shmSize : host.ShmSize,
    MemorySwap: host.Memory > 0 && host.MemorySwap === 0 ? host.Memory * 2 : host.MemorySwap,
    OomKillDisable: host.OomKillDisable ?? (defaults.cgroupVersion === 1 ? false : null),
    PidsLimit: host.PidsLimit === 0 ? null : host.PidsLimit,
    MemorySwappiness: host.MemorySwappiness === -1 ? null : host.MemorySwappiness,
    LogConfig:
      host.LogConfig.Type === ""
        ? { ...defaults.log, Config: { ...defaults.log.Config, ...host.LogConfig.Config } }
        : { ...host.LogConfig, Config: host.LogConfig.Config ?? {} },
    Ulimits: host.Ulimits === null && ulimits.length === 0 ? null : ulimits,
    RestartPolicy: host.RestartPolicy.Name === "" ? { Name: "no", MaximumRetryCount: 0 } : host.RestartPolicy,
    // A process that shares others' namespaces must not be confined away from them: SELinux' concern, shown as dockerd shows it.
    SecurityOpt: shares ? [...(host.SecurityOpt ?? []), "label=disable"] : host.SecurityOpt,
    ...(host.Init === undefined && defaults.init ? { Init: true } : {}),
  };
}
