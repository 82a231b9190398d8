/** A task's counters as containerd sends them (cgroups v1 or v2), in the words of Docker's stats. */
import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  type Metrics as V1,
  MetricsSchema as V1Schema,
} from "../../../contracts/containerd/gen/cgroups_v1_pb.ts";
import {
  type Metrics as V2,
  MetricsSchema as V2Schema,
} from "../../../contracts/containerd/gen/cgroups_v2_pb.ts";
import type { TaskMetrics } from "../ports.ts";

const n = (value: bigint | undefined) => Number(value ?? 0n);

/** Plain counters of a message, names as Docker prints them: snake case. */
function counters(message: object): Record<string, number> {
  return Object.fromEntries(
    Object.entries(message)
      .filter((entry): entry is [string, bigint] => typeof entry[1] === "bigint")
      .map(([name, value]) => [
        name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        Number(value),
      ]),
  );
}

/** Docker's names for v1's counters have no underscore in pgfault and the like. */
function v1Memory(memory: V1["memory"]): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counters(memory ?? {})).map(([name, value]) => [
      name.replace(/pg_(maj_)?(fault|pg)/, "pg$1$2"),
      value,
    ]),
  );
}

function fromV1(metrics: V1): TaskMetrics {
  const { cpu, memory, pids, blkio } = metrics;
  return {
    version: 1,
    pids: { current: n(pids?.current), limit: n(pids?.limit) },
    cpu: {
      total: n(cpu?.usage?.total),
      kernel: n(cpu?.usage?.kernel),
      user: n(cpu?.usage?.user),
      perCpu: (cpu?.usage?.perCpu ?? []).map(Number),
      periods: n(cpu?.throttling?.periods),
      throttledPeriods: n(cpu?.throttling?.throttledPeriods),
      throttledTime: n(cpu?.throttling?.throttledTime),
    },
    memory: {
      usage: n(memory?.usage?.usage),
      maxUsage: n(memory?.usage?.max),
      limit: n(memory?.usage?.limit),
      failures: n(memory?.usage?.failcnt),
      stats: v1Memory(memory),
    },
    io: (blkio?.ioServiceBytesRecursive ?? []).map(({ major, minor, op, value }) => ({
      major: Number(major),
      minor: Number(minor),
      op: op.toLowerCase(),
      value: Number(value),
    })),
  };
}

function fromV2(metrics: V2): TaskMetrics {
  const { cpu, memory, memoryEvents, pids, io } = metrics;
  return {
    version: 2,
    pids: { current: n(pids?.current), limit: n(pids?.limit) },
    cpu: {
      total: n(cpu?.usageUsec) * 1000,
      kernel: n(cpu?.systemUsec) * 1000,
      user: n(cpu?.userUsec) * 1000,
      perCpu: [],
      periods: n(cpu?.nrPeriods),
      throttledPeriods: n(cpu?.nrThrottled),
      throttledTime: n(cpu?.throttledUsec) * 1000,
    },
    memory: {
      usage: n(memory?.usage),
      maxUsage: 0,
      limit: n(memory?.usageLimit),
      failures: n(memoryEvents?.max),
      stats: counters(memory ?? {}),
    },
    io: (io?.usage ?? []).flatMap(({ major, minor, rbytes, wbytes }) => {
      const device = { major: Number(major), minor: Number(minor) };
      return [
        { ...device, op: "read", value: Number(rbytes) },
        { ...device, op: "write", value: Number(wbytes) },
      ];
    }),
  };
}

/** undefined for a type we do not know. */
export function parseMetrics(data: Any | undefined): TaskMetrics | undefined {
  if (data === undefined) return undefined;
  if (data.typeUrl.endsWith("io.containerd.cgroups.v1.Metrics"))
    return fromV1(fromBinary(V1Schema, data.value));
  if (data.typeUrl.endsWith("io.containerd.cgroups.v2.Metrics"))
    return fromV2(fromBinary(V2Schema, data.value));
  return undefined;
}
