/** Types of what a client sends: checked before anything reads it, refused in the words of Go's decoder. Fields unknown here are let be. */
import { SkiffError } from "../../lib/errors.ts";

/** `words`: one string or a list of them. `null` fits everything. */
export type Shape =
  | "string"
  | "bool"
  | "int"
  | "words"
  | { readonly list: Shape }
  | { readonly map: Shape }
  | { readonly fields: Readonly<Record<string, Shape>> };

const kindOf = (value: unknown): string => {
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
};

function typeName(shape: Shape): string {
  if (typeof shape === "string")
    return { string: "string", bool: "bool", int: "int64", words: "[]string" }[shape];
  if ("list" in shape) return `[]${typeName(shape.list)}`;
  return "map" in shape ? `map[string]${typeName(shape.map)}` : "struct";
}

/** @param path of the field, for the message. @throws invalid_argument */
export function checkShape(value: unknown, shape: Shape, path: string): void {
  if (value === null || value === undefined) return;
  const refuse = (): never => {
    throw new SkiffError(
      "invalid_argument",
      `invalid JSON: json: cannot unmarshal ${kindOf(value)} into Go struct field ${path} of type ${typeName(shape)}`,
    );
  };
  if (shape === "words") {
    if (typeof value !== "string") checkShape(value, { list: "string" }, path);
  } else if (shape === "string") {
    if (typeof value !== "string") refuse();
  } else if (shape === "bool") {
    if (typeof value !== "boolean") refuse();
  } else if (shape === "int") {
    if (!Number.isInteger(value)) refuse();
  } else if ("list" in shape) {
    if (!Array.isArray(value)) refuse();
    for (const one of value as unknown[]) checkShape(one, shape.list, path);
  } else {
    if (typeof value !== "object" || Array.isArray(value)) refuse();
    for (const [name, one] of Object.entries(value)) {
      const inner = "map" in shape ? shape.map : shape.fields[name];
      if (inner !== undefined) checkShape(one, inner, `${path}.${name}`);
    }
  }
}

function named(names: string, shape: Shape): Record<string, Shape> {
  return Object.fromEntries(names.split(" ").map((name) => [name, shape]));
}

const STRINGS: Shape = { list: "string" };
const WORD_MAP: Shape = { map: "string" };
const OBJECT: Shape = { fields: {} };
const list = (fields: Record<string, Shape>): Shape => ({ list: { fields } });

const MOUNT = {
  ...named("Type Source Target Consistency", "string"),
  ...{ ReadOnly: "bool" },
  BindOptions: {
    fields: { Propagation: "string", NonRecursive: "bool", CreateMountpoint: "bool" },
  },
  VolumeOptions: {
    fields: {
      ...{ NoCopy: "bool", Labels: WORD_MAP, Subpath: "string" },
      DriverConfig: { fields: { Name: "string", Options: WORD_MAP } },
    },
  },
  TmpfsOptions: { fields: { SizeBytes: "int", Mode: "int", Options: { list: STRINGS } } },
} as const satisfies Record<string, Shape>;

export const CONFIG_SHAPE: Shape = {
  fields: {
    ...named("Hostname Domainname User Image WorkingDir StopSignal MacAddress", "string"),
    ...named(
      "AttachStdin AttachStdout AttachStderr Tty OpenStdin StdinOnce NetworkDisabled ArgsEscaped",
      "bool",
    ),
    ...named("Cmd Entrypoint Shell", "words"),
    ...named("Env OnBuild", STRINGS),
    ...named("Volumes ExposedPorts", { map: OBJECT }),
    ...{ Labels: WORD_MAP, StopTimeout: "int" },
    Healthcheck: {
      fields: { Test: STRINGS, ...named("Interval Timeout Retries StartPeriod StartInterval", "int") },
    },
  },
};

export const HOST_SHAPE: Shape = {
  fields: {
    ...named(
      "ContainerIDFile NetworkMode VolumeDriver CgroupnsMode IpcMode Cgroup PidMode UTSMode UsernsMode Runtime Isolation CgroupParent CpusetCpus CpusetMems",
      "string",
    ),
    ...named(
      "Binds VolumesFrom CapAdd CapDrop Dns DnsOptions DnsSearch ExtraHosts GroupAdd Links SecurityOpt DeviceCgroupRules MaskedPaths ReadonlyPaths",
      STRINGS,
    ),
    ...named("AutoRemove Privileged PublishAllPorts ReadonlyRootfs OomKillDisable Init", "bool"),
    ...named(
      "OomScoreAdj ShmSize CpuShares Memory NanoCpus BlkioWeight CpuPeriod CpuQuota CpuRealtimePeriod CpuRealtimeRuntime MemoryReservation MemorySwap MemorySwappiness PidsLimit CpuCount CpuPercent IOMaximumIOps IOMaximumBandwidth",
      "int",
    ),
    ...named("StorageOpt Tmpfs Sysctls Annotations", WORD_MAP),
    ...{ ConsoleSize: { list: "int" }, LogConfig: { fields: { Type: "string", Config: WORD_MAP } } },
    RestartPolicy: { fields: { Name: "string", MaximumRetryCount: "int" } },
    PortBindings: { map: list(named("HostIp HostPort", "string")) },
    Mounts: list(MOUNT),
    Devices: list(named("PathOnHost PathInContainer CgroupPermissions", "string")),
    DeviceRequests: { list: OBJECT },
    Ulimits: list({ Name: "string", Soft: "int", Hard: "int" }),
    BlkioWeightDevice: list({ Path: "string", Weight: "int" }),
    ...named(
      "BlkioDeviceReadBps BlkioDeviceWriteBps BlkioDeviceReadIOps BlkioDeviceWriteIOps",
      list({ Path: "string", Rate: "int" }),
    ),
  },
};

export const ENDPOINTS_SHAPE: Shape = {
  map: {
    fields: {
      ...named("NetworkID EndpointID Gateway IPAddress IPv6Gateway GlobalIPv6Address MacAddress", "string"),
      ...named("Aliases Links DNSNames", STRINGS),
      ...{ DriverOpts: WORD_MAP, GwPriority: "int" },
      IPAMConfig: { fields: { IPv4Address: "string", IPv6Address: "string", LinkLocalIPs: STRINGS } },
    },
  },
};

export const EXEC_SHAPE: Shape = {
  fields: {
    ...named("WorkingDir User DetachKeys", "string"),
    ...named("AttachStdin AttachStdout AttachStderr Tty Privileged", "bool"),
    ...{ Cmd: "words", Env: STRINGS, ConsoleSize: { list: "int" } },
  },
};
