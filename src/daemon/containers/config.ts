/**
 * What a client asks for at `POST /containers/create`: Docker's `Config` and `HostConfig` (contracts/engine). Here is what every field is when the
 * client has left it out.
 */
import type {
  Config as ContainerConfig,
  HostConfig,
  Mount as MountRequest,
  Throttle,
} from "../../contracts/engine/container.ts";
import type { EndpointSettings } from "../../contracts/engine/network.ts";

import { compactHealthcheck } from "./health/request.ts";
import { CONFIG_SHAPE, checkShape, HOST_SHAPE } from "./shapes.ts";

export type { ContainerConfig, EndpointSettings, HostConfig, MountRequest, Throttle };

const CONFIG: ContainerConfig = Object.freeze({
  Hostname: "",
  Domainname: "",
  User: "",
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: "",
  Volumes: null,
  WorkingDir: "",
  Entrypoint: null,
  OnBuild: null,
  Labels: {},
});

const HOST: HostConfig = Object.freeze({
  Binds: null,
  ContainerIDFile: "",
  LogConfig: { Type: "", Config: {} },
  NetworkMode: "",
  PortBindings: {},
  RestartPolicy: { Name: "no" as const, MaximumRetryCount: 0 },
  AutoRemove: false,
  VolumeDriver: "",
  VolumesFrom: null,
  ConsoleSize: [0, 0] as const,
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: "",
  Dns: [],
  DnsOptions: [],
  DnsSearch: [],
  ExtraHosts: null,
  GroupAdd: null,
  IpcMode: "",
  Cgroup: "",
  Links: null,
  OomScoreAdj: 0,
  PidMode: "",
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  UTSMode: "",
  UsernsMode: "",
  ShmSize: 0,
  Runtime: "",
  Isolation: "",
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: "",
  BlkioWeight: 0,
  BlkioWeightDevice: null,
  BlkioDeviceReadBps: null,
  BlkioDeviceWriteBps: null,
  BlkioDeviceReadIOps: null,
  BlkioDeviceWriteIOps: null,
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: "",
  CpusetMems: "",
  Devices: null,
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: null,
  PidsLimit: null,
  Ulimits: null,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
  MaskedPaths: null,
  ReadonlyPaths: null,
});

/** Lays what the client sent over the defaults; a `null` for a field that may not be null is as good as absent. */
function complete<T extends object>(defaults: T, given: object): T {
  const merged = { ...defaults } as Record<string, unknown>;
  for (const [key, value] of Object.entries(given)) {
    if (value !== null && value !== undefined) merged[key] = value;
  }
  return merged as T;
}

/** Docker also takes one word for a list of words. */
function words(value: unknown): readonly string[] | null {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.map(String) : null;
}

export function completeConfig(given: object): ContainerConfig {
  checkShape(given, CONFIG_SHAPE, "CreateRequest");
  const config = complete(CONFIG, given);
  const { Healthcheck, ...rest } = config;
  return {
    ...{ ...rest, Cmd: words(config.Cmd), Entrypoint: words(config.Entrypoint) },
    ...(Healthcheck === undefined ? {} : { Healthcheck: compactHealthcheck(Healthcheck) }),
  };
}

export function completeHostConfig(given: object): HostConfig {
  checkShape(given, HOST_SHAPE, "CreateRequest.HostConfig");
  return complete(HOST, given);
}
