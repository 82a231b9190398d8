/** The counters that `events --stats` prints, in the shape of runc's (types/events.go): v1 and v2. */
import { readFileSync } from "node:fs";
import type { CgroupPaths } from "./hierarchies.ts";

const UNLIMITED = 2 ** 64;
const NS_PER_TICK = 10_000_000;

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

function count(path: string): number {
  const text = readText(path);
  return text === "max" ? UNLIMITED : Number(text || 0);
}

/** Lines `name value`. */
function keyed(path: string): Readonly<Record<string, number>> {
  const pairs = readText(path)
    .split("\n")
    .map((line) => line.split(" "));
  return Object.fromEntries(
    pairs.filter((pair) => pair.length === 2).map(([name, value]) => [name!, Number(value)]),
  );
}

/** Fields that are zero are left out, as Go's omitempty does. */
function present(fields: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== 0));
}

function memoryV1(directory: string, kind: string): Readonly<Record<string, number>> {
  const at = (name: string): number => count(`${directory}/memory.${kind}${name}`);
  const usage = present({
    limit: at("limit_in_bytes"),
    usage: at("usage_in_bytes"),
    max: at("max_usage_in_bytes"),
  });
  return { ...usage, failcnt: at("failcnt") };
}

function statsV1(paths: CgroupPaths) {
  const { memory = "", cpu = "", cpuacct = "", pids = "" } = paths;
  const ticks = keyed(`${cpuacct}/cpuacct.stat`);
  const throttled = keyed(`${cpu}/cpu.stat`);
  const raw = keyed(`${memory}/memory.stat`);
  return {
    cpu: {
      usage: {
        total: count(`${cpuacct}/cpuacct.usage`),
        percpu: readText(`${cpuacct}/cpuacct.usage_percpu`).split(/\s+/).map(Number),
        kernel: (ticks["system"] ?? 0) * NS_PER_TICK,
        user: (ticks["user"] ?? 0) * NS_PER_TICK,
      },
      throttling: present({
        periods: throttled["nr_periods"] ?? 0,
        throttledPeriods: throttled["nr_throttled"] ?? 0,
        throttledTime: throttled["throttled_time"] ?? 0,
      }),
    },
    memory: {
      cache: raw["cache"] ?? 0,
      usage: memoryV1(memory, ""),
      swap: memoryV1(memory, "memsw."),
      kernel: memoryV1(memory, "kmem."),
      kernelTCP: memoryV1(memory, "kmem.tcp."),
      raw,
    },
    pids: present({ current: count(`${pids}/pids.current`), limit: count(`${pids}/pids.max`) || 0 }),
    blkio: {},
    hugetlb: {},
    intel_rdt: {},
    network_interfaces: null,
  };
}

function statsV2(directory: string) {
  const cpu = keyed(`${directory}/cpu.stat`);
  const ns = (name: string): number => (cpu[name] ?? 0) * 1000;
  const raw = keyed(`${directory}/memory.stat`);
  const usage = { limit: count(`${directory}/memory.max`), usage: count(`${directory}/memory.current`) };
  return {
    cpu: {
      usage: { total: ns("usage_usec"), kernel: ns("system_usec"), user: ns("user_usec") },
      throttling: present({
        periods: cpu["nr_periods"] ?? 0,
        throttledPeriods: cpu["nr_throttled"] ?? 0,
        throttledTime: ns("throttled_usec"),
      }),
    },
    memory: {
      cache: raw["file"] ?? 0,
      usage: { ...usage, failcnt: keyed(`${directory}/memory.events`)["max"] ?? 0 },
      swap: {
        usage: count(`${directory}/memory.swap.current`),
        limit: count(`${directory}/memory.swap.max`),
        failcnt: 0,
      },
      raw,
    },
    pids: present({ current: count(`${directory}/pids.current`), limit: count(`${directory}/pids.max`) }),
    blkio: {},
    hugetlb: {},
    intel_rdt: {},
    network_interfaces: null,
  };
}

export function readStats(paths: CgroupPaths, version: 1 | 2): object {
  return version === 1 ? statsV1(paths) : statsV2(paths[""]!);
}
