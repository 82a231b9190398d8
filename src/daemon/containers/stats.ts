/** `GET /containers/{id}/stats`: one sample; whoever streams puts the last one behind the next (`withPrevious`). */
import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { rfc3339Nano } from "../../lib/clock.ts";
import { isRunning, NEVER } from "./container.ts";
import type { Parts } from "./parts.ts";
import type { TaskMetrics } from "./ports.ts";

export type StatsSample = Readonly<Record<string, unknown>>;

const TICK_NS = 10_000_000;
/** user nice system idle iowait irq softirq steal: guest time is in user already. */
const CPU_FIELDS = 8;

/** Nanoseconds all processors together have had since boot. */
function systemCpuNs(): number {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n", 1);
  const ticks = line.split(/\s+/).slice(1, 1 + CPU_FIELDS);
  return ticks.reduce((sum, value) => sum + Number(value), 0) * TICK_NS;
}

/** Counters of each interface but lo, in the network namespace of a process. */
export function parseNetDev(text: string): Record<string, Record<string, number>> {
  const rows = text
    .split("\n")
    .slice(2)
    .map((line) => line.trim().split(/[\s:]+/));
  return Object.fromEntries(
    rows
      .filter(([name = "lo"]) => name !== "lo" && name !== "")
      .map(([name, ...fields]) => {
        const [rxBytes, rxPackets, rxErrors, rxDropped, , , , , txBytes, txPackets, txErrors, txDropped] =
          fields.map(Number);
        return [
          name!,
          {
            rx_bytes: rxBytes!,
            rx_packets: rxPackets!,
            rx_errors: rxErrors!,
            rx_dropped: rxDropped!,
            tx_bytes: txBytes!,
            tx_packets: txPackets!,
            tx_errors: txErrors!,
            tx_dropped: txDropped!,
          },
        ];
      }),
  );
}

const NO_CPU = Object.freeze({
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
});

function cpuStats({ cpu }: TaskMetrics): object {
  return {
    cpu_usage: {
      total_usage: cpu.total,
      ...(cpu.perCpu.length === 0 ? {} : { percpu_usage: cpu.perCpu }),
      usage_in_kernelmode: cpu.kernel,
      usage_in_usermode: cpu.user,
    },
    system_cpu_usage: systemCpuNs(),
    online_cpus: navigator.hardwareConcurrency,
    throttling_data: {
      periods: cpu.periods,
      throttled_periods: cpu.throttledPeriods,
      throttled_time: cpu.throttledTime,
    },
  };
}

function memoryStats({ memory, version }: TaskMetrics): object {
  return {
    usage: memory.usage,
    ...(version === 1 ? { max_usage: memory.maxUsage } : {}),
    stats: memory.stats,
    ...(memory.failures > 0 ? { failcnt: memory.failures } : {}),
    limit: Math.min(memory.limit === 0 ? Number.POSITIVE_INFINITY : memory.limit, totalmem()),
  };
}

function blkioStats({ io }: Pick<TaskMetrics, "io">): object {
  const others = ["serviced", "queue", "service_time", "wait_time", "merged", "time"];
  const empty = Object.fromEntries(others.map((name) => [`io_${name}_recursive`, null]));
  return { io_service_bytes_recursive: io.length === 0 ? null : io, ...empty, sectors_recursive: null };
}

function networksOf(pid: number): object {
  try {
    const networks = parseNetDev(readFileSync(`/proc/${pid}/net/dev`, "utf8"));
    return Object.keys(networks).length === 0 ? {} : { networks };
  } catch {
    // It has just ended.
    return {};
  }
}

export async function readStats(parts: Parts, reference: string): Promise<StatsSample> {
  const container = parts.registry.get(reference);
  const { id, name, state } = container;
  const identity = { name: `/${name}`, id };
  const nothing = { read: NEVER, preread: NEVER, pids_stats: {}, blkio_stats: blkioStats({ io: [] }) };
  const unused = { num_procs: 0, storage_stats: {} };
  const metrics = isRunning(container) ? await parts.controls.metrics(id) : undefined;
  if (metrics === undefined)
    return { ...nothing, ...unused, cpu_stats: NO_CPU, precpu_stats: NO_CPU, memory_stats: {}, ...identity };
  return {
    read: rfc3339Nano(parts.clock.nowNs()),
    preread: NEVER,
    pids_stats: metrics.pids,
    blkio_stats: blkioStats(metrics),
    ...unused,
    cpu_stats: cpuStats(metrics),
    precpu_stats: NO_CPU,
    memory_stats: memoryStats(metrics),
    ...identity,
    ...networksOf(state.pid),
  };
}

/** The CPU share is what happened between two samples. */
export function withPrevious(sample: StatsSample, previous: StatsSample): StatsSample {
  return { ...sample, preread: previous["read"], precpu_stats: previous["cpu_stats"] };
}
