/** The request that `run` and `create` send, made of their flags alone: the same as docker's client makes. */
import { existsSync, readFileSync } from "node:fs";
import type { ContainerCreateRequest, HostConfig } from "../../../contracts/engine/container.ts";
import { messageOf } from "../../../lib/errors.ts";
import type { Parsed } from "../../command.ts";
import { networksOf } from "./endpoints.ts";
import { mountOf, volumesOf } from "./mounts.ts";
import { portsOf } from "./ports.ts";
import {
  bytesOf,
  durationOf,
  environmentOf,
  invalid,
  labelsOf,
  nanoCpusOf,
  pairsOf,
  restartOf,
  splitPair,
  ulimitOf,
} from "./values.ts";

export interface CreateCall {
  readonly name: string;
  readonly platform: string;
  readonly image: string;
  readonly body: ContainerCreateRequest;
  readonly attach: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
}

const orNull = <T>(items: readonly T[]): readonly T[] | null => (items.length === 0 ? null : items);

function healthOf(flags: Parsed): Partial<ContainerCreateRequest> {
  const names = [
    "health-cmd",
    "health-interval",
    "health-timeout",
    "health-start-period",
    "health-start-interval",
    "health-retries",
  ];
  const given = names.filter((name) => flags.given(name));
  if (flags.bool("no-healthcheck")) {
    if (given.length > 0) throw invalid("--no-healthcheck conflicts with --health-* options");
    return { Healthcheck: { Test: ["NONE"] } };
  }
  if (given.length === 0) return {};
  const time = (name: string) => durationOf(flags.text(name), `--${name}`);
  const command = flags.text("health-cmd");
  return {
    Healthcheck: {
      ...(command === "" ? {} : { Test: ["CMD-SHELL", command] }),
      ...{ Interval: time("health-interval"), Timeout: time("health-timeout") },
      ...{ StartPeriod: time("health-start-period"), StartInterval: time("health-start-interval") },
      Retries: flags.number("health-retries"),
    },
  };
}

/** A seccomp profile is a file here and its text there. */
function securityOf(options: readonly string[]): string[] {
  return options.map((option) => {
    const [, key = "", value = ""] = /^([a-z-]+)[=:](.*)$/s.exec(option) ?? [];
    if (key !== "seccomp" || value === "unconfined" || value === "builtin") return option;
    let text: string;
    try {
      text = readFileSync(value, "utf8");
    } catch (error) {
      throw invalid(`opening seccomp profile (${value}) failed: ${messageOf(error)}`);
    }
    try {
      return `seccomp=${JSON.stringify(JSON.parse(text))}`;
    } catch (error) {
      throw invalid(`compacting json for seccomp profile (${value}) failed: ${messageOf(error)}`);
    }
  });
}

function deviceOf(value: string) {
  const [host = "", second, third] = value.split(":");
  const isMode = (text: string | undefined) => text !== undefined && /^[rwm]{1,3}$/.test(text);
  const inside = second === undefined || (third === undefined && isMode(second)) ? host : second;
  const mode = third ?? (isMode(second) ? second! : "rwm");
  return { PathOnHost: host, PathInContainer: inside, CgroupPermissions: mode };
}

/** `vendor.com/class=name`: a CDI device is a request, not a node. */
const isCdi = (device: string) => /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*=/.test(device);

function deviceRequestsOf(flags: Parsed): readonly object[] {
  const cdi = flags.list("device").filter(isCdi);
  const gpus = flags.list("gpus").map((value) => {
    const fields = pairsOf(
      value.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/).map((field) => field.replace(/"/g, "")),
    );
    const count = value === "all" ? -1 : /^\d+$/.test(value) ? Number(value) : Number(fields["count"] ?? "0");
    const ids = fields["device"]?.split(",") ?? null;
    return {
      Driver: fields["driver"] ?? "",
      Count: ids === null ? count || 1 : 0,
      DeviceIDs: ids,
      Capabilities: [["gpu"]],
      Options: {},
    };
  });
  return [
    ...gpus,
    ...(cdi.length > 0
      ? [{ Driver: "cdi", Count: 0, DeviceIDs: cdi, Capabilities: null, Options: null }]
      : []),
  ];
}

function throttles(flags: Parsed, name: string, bytes: boolean) {
  const items = flags.list(name).map((value) => {
    const [path, rate] = splitPair(
      value,
      bytes ? "<device-path>:<number>[<unit>]" : "<device-path>:<number>",
      `--${name}`,
    );
    return { Path: path, Rate: bytes ? bytesOf(rate, `--${name}`) : Number(rate) };
  });
  return orNull(items);
}

function resourcesOf(flags: Parsed): Partial<HostConfig> {
  const size = (name: string) => bytesOf(flags.text(name), `--${name}`);
  const swappiness = flags.number("memory-swappiness");
  const weights = flags.list("blkio-weight-device").map((value) => {
    const [Path, weight] = splitPair(value, "<device-path>:<number>", "--blkio-weight-device");
    return { Path, Weight: Number(weight) };
  });
  return {
    ...{
      CpuShares: flags.number("cpu-shares"),
      Memory: size("memory"),
      NanoCpus: nanoCpusOf(flags.text("cpus")),
    },
    ...{ CgroupParent: flags.text("cgroup-parent"), BlkioWeight: flags.number("blkio-weight") },
    BlkioWeightDevice: weights,
    BlkioDeviceReadBps: throttles(flags, "device-read-bps", true),
    BlkioDeviceWriteBps: throttles(flags, "device-write-bps", true),
    BlkioDeviceReadIOps: throttles(flags, "device-read-iops", false),
    BlkioDeviceWriteIOps: throttles(flags, "device-write-iops", false),
    ...{ CpuPeriod: flags.number("cpu-period"), CpuQuota: flags.number("cpu-quota") },
    ...{
      CpuRealtimePeriod: flags.number("cpu-rt-period"),
      CpuRealtimeRuntime: flags.number("cpu-rt-runtime"),
    },
    ...{ CpusetCpus: flags.text("cpuset-cpus"), CpusetMems: flags.text("cpuset-mems") },
    Devices: flags
      .list("device")
      .filter((value) => !isCdi(value))
      .map(deviceOf),
    DeviceCgroupRules: orNull(flags.list("device-cgroup-rule")),
    DeviceRequests: orNull(deviceRequestsOf(flags)),
    ...{ MemoryReservation: size("memory-reservation"), MemorySwap: size("memory-swap") },
    MemorySwappiness: swappiness,
    OomKillDisable: flags.given("oom-kill-disable") ? flags.bool("oom-kill-disable") : false,
    PidsLimit: flags.number("pids-limit"),
    Ulimits: flags.list("ulimit").map(ulimitOf),
  };
}

function hostConfigOf(flags: Parsed, networkMode: string): Partial<HostConfig> {
  const { binds } = volumesOf(flags.list("volume"));
  const mounts = flags.list("mount").map(mountOf);
  const tmpfs = flags.list("tmpfs").map((value): [string, string] => {
    const colon = value.indexOf(":");
    return colon < 0 ? [value, ""] : [value.slice(0, colon), value.slice(colon + 1)];
  });
  const storage = pairsOf(flags.list("storage-opt"));
  const annotations = pairsOf(flags.list("annotation"));
  const { PortBindings } = portsOf(flags.list("publish"), flags.list("expose"));
  return {
    Binds: orNull(binds),
    ContainerIDFile: flags.text("cidfile"),
    LogConfig: { Type: flags.text("log-driver"), Config: pairsOf(flags.list("log-opt")) },
    NetworkMode: networkMode,
    PortBindings,
    RestartPolicy: restartOf(flags.text("restart")) as HostConfig["RestartPolicy"],
    AutoRemove: flags.bool("rm"),
    VolumeDriver: flags.text("volume-driver"),
    VolumesFrom: orNull(flags.list("volumes-from")),
    ConsoleSize: [0, 0],
    ...(Object.keys(annotations).length === 0 ? {} : { Annotations: annotations }),
    ...{ CapAdd: orNull(flags.list("cap-add")), CapDrop: orNull(flags.list("cap-drop")) },
    CgroupnsMode: flags.text("cgroupns"),
    ...{ Dns: flags.list("dns"), DnsOptions: [...flags.list("dns-option"), ...flags.list("dns-opt")] },
    DnsSearch: flags.list("dns-search"),
    ExtraHosts: orNull(flags.list("add-host").map((value) => value.replace(/^([^:=]+)=/, "$1:"))),
    GroupAdd: orNull(flags.list("group-add")),
    ...{ IpcMode: flags.text("ipc"), Cgroup: "", Links: orNull(flags.list("link")) },
    ...{
      OomScoreAdj: flags.number("oom-score-adj"),
      PidMode: flags.text("pid"),
      Privileged: flags.bool("privileged"),
    },
    ...{ PublishAllPorts: flags.bool("publish-all"), ReadonlyRootfs: flags.bool("read-only") },
    SecurityOpt: orNull(securityOf(flags.list("security-opt"))),
    ...(Object.keys(storage).length === 0 ? {} : { StorageOpt: storage }),
    ...(tmpfs.length === 0 ? {} : { Tmpfs: Object.fromEntries(tmpfs) }),
    ...{ UTSMode: flags.text("uts"), UsernsMode: flags.text("userns") },
    ShmSize: bytesOf(flags.text("shm-size"), "--shm-size"),
    Sysctls: pairsOf(flags.list("sysctl")),
    ...{ Runtime: flags.text("runtime"), Isolation: flags.text("isolation") },
    ...resourcesOf(flags),
    ...(mounts.length === 0 ? {} : { Mounts: mounts }),
    ...{ MaskedPaths: null, ReadonlyPaths: null },
    ...(flags.given("init") ? { Init: flags.bool("init") } : {}),
  };
}

/** Which streams are attached: what `-a` names, or all that make sense. */
function attachmentOf(flags: Parsed, detached: boolean): CreateCall["attach"] {
  const named = flags.list("attach").map((name) => name.toLowerCase());
  const unknown = named.find((name) => !["stdin", "stdout", "stderr"].includes(name));
  if (unknown !== undefined)
    throw invalid(
      `invalid argument "${unknown}" for "-a, --attach" flag: valid streams are STDIN, STDOUT and STDERR`,
    );
  if (named.length > 0)
    return {
      stdin: named.includes("stdin"),
      stdout: named.includes("stdout"),
      stderr: named.includes("stderr"),
    };
  return { stdin: flags.bool("interactive"), stdout: !detached, stderr: !detached };
}

function checkCidFile(path: string): void {
  if (path !== "" && existsSync(path))
    throw invalid(`container ID file found, make sure the other container isn't running or delete ${path}`);
}

/** `detached`: `run -d`. @throws CliError */
export function createCall(flags: Parsed, detached: boolean): CreateCall {
  const [image = "", ...command] = flags.words;
  checkCidFile(flags.text("cidfile"));
  const attach = attachmentOf(flags, detached);
  const { anonymous } = volumesOf(flags.list("volume"));
  const { ExposedPorts } = portsOf(flags.list("publish"), flags.list("expose"));
  const { mode, endpoints } = networksOf(flags);
  const interactive = flags.bool("interactive");
  const entrypoint = flags.text("entrypoint");
  const body: ContainerCreateRequest = {
    ...{ Hostname: flags.text("hostname"), Domainname: flags.text("domainname"), User: flags.text("user") },
    ...{ AttachStdin: attach.stdin && !detached, AttachStdout: attach.stdout, AttachStderr: attach.stderr },
    ...(Object.keys(ExposedPorts).length === 0 ? {} : { ExposedPorts }),
    ...{ Tty: flags.bool("tty"), OpenStdin: interactive, StdinOnce: interactive && !detached },
    Env: environmentOf(flags.list("env-file"), flags.list("env")),
    Cmd: command.length === 0 ? null : command,
    ...healthOf(flags),
    Image: image,
    Volumes: anonymous,
    WorkingDir: flags.text("workdir"),
    Entrypoint: flags.given("entrypoint") ? [entrypoint] : null,
    OnBuild: null,
    Labels: labelsOf(flags.list("label-file"), flags.list("label")),
    ...(flags.given("stop-signal") ? { StopSignal: flags.text("stop-signal") } : {}),
    ...(flags.given("stop-timeout") ? { StopTimeout: flags.number("stop-timeout") } : {}),
    HostConfig: hostConfigOf(flags, mode),
    NetworkingConfig: { EndpointsConfig: endpoints },
  };
  return { name: flags.text("name"), platform: flags.text("platform"), image, body, attach };
}
