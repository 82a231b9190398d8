/** A container's counters as containerd's cgroup messages, for v1 and v2. */

import type { Any } from "@bufbuild/protobuf/wkt";
import type { CgroupStats, IoStats } from "../shim/metrics.ts";
import { packAny } from "./any.ts";
import { MetricsSchema as MetricsV1 } from "./gen/cgroups_v1_pb.ts";
import { MetricsSchema as MetricsV2 } from "./gen/cgroups_v2_pb.ts";

/** Counters are floating point in the contract; limits above 2^63 are rounded there. */
function u64(value: number | undefined): bigint {
  return BigInt(Math.max(0, Math.round(value ?? 0)));
}

function micro(ns: number): bigint {
  return u64(ns / 1000);
}

function entries(io: readonly IoStats[], read: keyof IoStats, write: keyof IoStats) {
  return io.flatMap((device) => {
    const { major, minor } = device;
    const at = { major: u64(major), minor: u64(minor) };
    return [
      { ...at, op: "Read", value: u64(device[read]) },
      { ...at, op: "Write", value: u64(device[write]) },
      { ...at, op: "Total", value: u64(device[read] + device[write]) },
    ];
  });
}

/** `memory.stat`: the messages have the kernel's names, camel case by our generator. */
const V1_STAT: Readonly<Record<string, string>> = {
  pgpgin: "pgPgIn",
  pgpgout: "pgPgOut",
  pgfault: "pgFault",
  pgmajfault: "pgMajFault",
  total_pgpgin: "totalPgPgIn",
  total_pgpgout: "totalPgPgOut",
  total_pgfault: "totalPgFault",
  total_pgmajfault: "totalPgMajFault",
  hierarchical_memsw_limit: "hierarchicalSwapLimit",
};

function statFields(
  stat: Readonly<Record<string, number>>,
  names: Readonly<Record<string, string>>,
  known: Readonly<Record<string, unknown>>,
): Record<string, bigint> {
  const fields: Record<string, bigint> = {};
  for (const [name, value] of Object.entries(stat)) {
    const field = names[name] ?? name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (field in known) fields[field] = u64(value);
  }
  return fields;
}

function fieldNames(schema: typeof MetricsV1 | typeof MetricsV2): Record<string, unknown> {
  const memory = schema.fields.find((field) => field.name === "memory")!;
  return Object.fromEntries(
    memory
      .message!.fields.filter((field) => field.fieldKind === "scalar")
      .map((field) => [field.localName, true]),
  );
}

function v1(stats: CgroupStats) {
  const { pids, cpu, memory, io } = stats;
  return packAny(MetricsV1, {
    pids: { current: u64(pids.current), limit: u64(pids.limit) },
    cpu: {
      usage: {
        total: u64(cpu.usageNs),
        kernel: u64(cpu.systemNs),
        user: u64(cpu.userNs),
        perCpu: cpu.perCpuNs.map(u64),
      },
      throttling: {
        periods: u64(cpu.periods),
        throttledPeriods: u64(cpu.throttledPeriods),
        throttledTime: u64(cpu.throttledNs),
      },
    },
    memory: {
      ...statFields(memory.stat, V1_STAT, fieldNames(MetricsV1)),
      usage: {
        usage: u64(memory.usage),
        max: u64(memory.maxUsage),
        limit: u64(memory.limit),
        failcnt: u64(memory.failures),
      },
    },
    memoryOomControl: { oomKill: u64(memory.oomKills) },
    blkio: {
      ioServiceBytesRecursive: entries(io, "readBytes", "writeBytes"),
      ioServicedRecursive: entries(io, "readOps", "writeOps"),
    },
  });
}

function v2(stats: CgroupStats) {
  const { pids, cpu, memory, io } = stats;
  return packAny(MetricsV2, {
    pids: { current: u64(pids.current), limit: u64(pids.limit) },
    cpu: {
      usageUsec: micro(cpu.usageNs),
      userUsec: micro(cpu.userNs),
      systemUsec: micro(cpu.systemNs),
      nrPeriods: u64(cpu.periods),
      nrThrottled: u64(cpu.throttledPeriods),
      throttledUsec: micro(cpu.throttledNs),
    },
    memory: {
      ...statFields(memory.stat, {}, fieldNames(MetricsV2)),
      usage: u64(memory.usage),
      usageLimit: u64(memory.limit),
      maxUsage: u64(memory.maxUsage),
    },
    memoryEvents: { max: u64(memory.failures), oomKill: u64(memory.oomKills) },
    io: {
      usage: io.map((device) => ({
        major: u64(device.major),
        minor: u64(device.minor),
        rbytes: u64(device.readBytes),
        wbytes: u64(device.writeBytes),
        rios: u64(device.readOps),
        wios: u64(device.writeOps),
      })),
    },
  });
}

export function packMetrics(stats: CgroupStats): Any {
  return stats.version === 1 ? v1(stats) : v2(stats);
}
