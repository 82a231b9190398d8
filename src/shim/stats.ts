/** A container's cgroup counters, read from the cgroups of its init process; v1 and v2, whichever holds a controller. */
import { readFileSync } from "node:fs";
import {
  type CgroupStats,
  type CpuStats,
  type IoStats,
  type MemoryStats,
  UNLIMITED,
} from "../contracts/shim/metrics.ts";
import { readText } from "./records.ts";

const ROOT = "/sys/fs/cgroup";
const NS_PER_US = 1000;
const NS_PER_TICK = 10_000_000;

/** Directory of each controller, `""` the unified hierarchy's; from /proc/<pid>/cgroup (cgroups(7)). */
export function parseCgroups(text: string, root: string = ROOT): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const lines = text.split("\n").filter((line) => line !== "");
  const hybrid = lines.length > 1;
  for (const line of lines) {
    const [, controllers = "", ...path] = line.split(":");
    const below = path.join(":");
    if (controllers === "") found.set("", hybrid ? `${root}/unified${below}` : root + below);
    for (const name of controllers.split(",").filter((word) => word !== "" && !word.includes("="))) {
      found.set(name, `${root}/${name}${below}`);
    }
  }
  return found;
}

export function cgroupsOf(pid: number): ReadonlyMap<string, string> {
  return parseCgroups(readFileSync(`/proc/${pid}/cgroup`, "utf8"));
}

/** File → text, "" when it is not there: kernels differ in what they have. */
type Read = (file: string) => string;

function reader(directory: string | undefined): Read {
  return (file) => {
    try {
      return directory === undefined ? "" : (readText(`${directory}/${file}`) ?? "");
    } catch {
      return ""; // e.g. EOPNOTSUPP of memory.stat without the controller
    }
  };
}

function count(text: string): number {
  return text.trim() === "max" ? UNLIMITED : Number(text.trim() || 0);
}

/** Lines `name value`. */
export function parseKeyed(text: string): Readonly<Record<string, number>> {
  const pairs = text.split("\n").map((line) => line.trim().split(/\s+/));
  return Object.fromEntries(
    pairs.filter((pair) => pair.length === 2).map(([key, value]) => [key!, Number(value)]),
  );
}

function cpuV1(usage: Read, limits: Read): CpuStats {
  const ticks = parseKeyed(usage("cpuacct.stat"));
  const throttled = parseKeyed(limits("cpu.stat"));
  return {
    usageNs: count(usage("cpuacct.usage")),
    userNs: (ticks["user"] ?? 0) * NS_PER_TICK,
    systemNs: (ticks["system"] ?? 0) * NS_PER_TICK,
    perCpuNs: usage("cpuacct.usage_percpu").split(/\s+/).filter(Boolean).map(Number),
    periods: throttled["nr_periods"] ?? 0,
    throttledPeriods: throttled["nr_throttled"] ?? 0,
    throttledNs: throttled["throttled_time"] ?? 0,
  };
}

function cpuV2(read: Read): CpuStats {
  const stat = parseKeyed(read("cpu.stat"));
  const us = (name: string): number => (stat[name] ?? 0) * NS_PER_US;
  return {
    usageNs: us("usage_usec"),
    userNs: us("user_usec"),
    systemNs: us("system_usec"),
    perCpuNs: [],
    periods: stat["nr_periods"] ?? 0,
    throttledPeriods: stat["nr_throttled"] ?? 0,
    throttledNs: us("throttled_usec"),
  };
}

function memoryV1(read: Read): MemoryStats {
  return {
    usage: count(read("memory.usage_in_bytes")),
    maxUsage: count(read("memory.max_usage_in_bytes")),
    limit: count(read("memory.limit_in_bytes")),
    failures: count(read("memory.failcnt")),
    oomKills: parseKeyed(read("memory.oom_control"))["oom_kill"] ?? 0,
    stat: parseKeyed(read("memory.stat")),
  };
}

function memoryV2(read: Read): MemoryStats {
  const events = parseKeyed(read("memory.events"));
  return {
    usage: count(read("memory.current")),
    maxUsage: count(read("memory.peak")),
    limit: count(read("memory.max")),
    failures: events["max"] ?? 0,
    oomKills: events["oom_kill"] ?? 0,
    stat: parseKeyed(read("memory.stat")),
  };
}

/** `major:minor Read 12` lines of the two blkio files, joined by device. */
function ioV1(read: Read): IoStats[] {
  const devices = new Map<string, { -readonly [K in keyof IoStats]: number }>();
  const add = (file: string, reads: "readBytes" | "readOps", writes: "writeBytes" | "writeOps"): void => {
    for (const line of read(file).split("\n")) {
      const match = /^(\d+):(\d+) (Read|Write) (\d+)$/.exec(line);
      if (match === null) continue;
      const key = `${match[1]}:${match[2]}`;
      const zero = { readBytes: 0, writeBytes: 0, readOps: 0, writeOps: 0 };
      const device = devices.get(key) ?? { major: Number(match[1]), minor: Number(match[2]), ...zero };
      device[match[3] === "Read" ? reads : writes] += Number(match[4]);
      devices.set(key, device);
    }
  };
  add("blkio.throttle.io_service_bytes", "readBytes", "writeBytes");
  add("blkio.throttle.io_serviced", "readOps", "writeOps");
  return [...devices.values()];
}

/** `8:0 rbytes=1 wbytes=2 rios=3 wios=4 …` */
function ioV2(read: Read): IoStats[] {
  return read("io.stat")
    .split("\n")
    .flatMap((line) => {
      const match = /^(\d+):(\d+) (.*)$/.exec(line);
      if (match === null) return [];
      const values = parseKeyed(match[3]!.replaceAll("=", " ").replace(/(\S+ \S+) ?/g, "$1\n"));
      return [
        {
          major: Number(match[1]),
          minor: Number(match[2]),
          readBytes: values["rbytes"] ?? 0,
          writeBytes: values["wbytes"] ?? 0,
          readOps: values["rios"] ?? 0,
          writeOps: values["wios"] ?? 0,
        },
      ];
    });
}

export function readStats(cgroups: ReadonlyMap<string, string>): CgroupStats {
  const of = (controller: string): Read => reader(cgroups.get(controller) ?? cgroups.get(""));
  const pids = of("pids");
  return {
    version: cgroups.has("memory") || cgroups.has("cpu") ? 1 : 2,
    pids: { current: count(pids("pids.current")), limit: count(pids("pids.max")) },
    cpu: cgroups.has("cpuacct") ? cpuV1(of("cpuacct"), of("cpu")) : cpuV2(of("")),
    memory: cgroups.has("memory") ? memoryV1(of("memory")) : memoryV2(of("")),
    io: cgroups.has("blkio") ? ioV1(of("blkio")) : ioV2(of("")),
  };
}

/** The file that counts a container's OOM kills, and how to read it after init has gone. */
export function oomFileOf(cgroups: ReadonlyMap<string, string>): string {
  const v1 = cgroups.get("memory");
  return v1 === undefined ? `${cgroups.get("")}/memory.events` : `${v1}/memory.oom_control`;
}

export function oomKills(file: string): number {
  return parseKeyed(reader("")(file))["oom_kill"] ?? 0;
}
