/** A sample of `GET /containers/{id}/stats` as a row of `stats`: the sums are docker's. */
import type { Row } from "../../format/table.ts";
import { binarySize, humanSize } from "../../format/units.ts";

interface Cpu {
  readonly cpu_usage?: { readonly total_usage?: number; readonly percpu_usage?: readonly number[] | null };
  readonly system_cpu_usage?: number;
  readonly online_cpus?: number;
}

export interface Sample {
  readonly id?: string;
  readonly name?: string;
  readonly cpu_stats?: Cpu;
  readonly precpu_stats?: Cpu;
  readonly memory_stats?: {
    readonly usage?: number;
    readonly limit?: number;
    readonly stats?: Readonly<Record<string, number>>;
  };
  readonly pids_stats?: { readonly current?: number };
  readonly networks?: Readonly<Record<string, { readonly rx_bytes: number; readonly tx_bytes: number }>>;
  readonly blkio_stats?: {
    readonly io_service_bytes_recursive?: readonly { readonly op: string; readonly value: number }[] | null;
  };
}

export const STATS_TITLES: Readonly<Record<string, string>> = {
  ...{
    Container: "CONTAINER",
    ID: "CONTAINER ID",
    Name: "NAME",
    CPUPerc: "CPU %",
    MemUsage: "MEM USAGE / LIMIT",
  },
  ...{ MemPerc: "MEM %", NetIO: "NET I/O", BlockIO: "BLOCK I/O", PIDs: "PIDS" },
};
export const STATS_FORMAT =
  "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}";

function cpuPercent(now: Cpu = {}, before: Cpu = {}): number {
  const used = (now.cpu_usage?.total_usage ?? 0) - (before.cpu_usage?.total_usage ?? 0);
  const passed = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const cpus = now.online_cpus || (now.cpu_usage?.percpu_usage?.length ?? 0);
  return used > 0 && passed > 0 ? (used / passed) * cpus * 100 : 0;
}

/** Without the page cache that can go at any time. */
function memoryUsed({ usage = 0, stats = {} }: NonNullable<Sample["memory_stats"]>): number {
  const cache = stats["total_inactive_file"] ?? stats["inactive_file"] ?? 0;
  return cache < usage ? usage - cache : usage;
}

export function statsRow(sample: Sample, shorten: boolean): Row {
  const { id = "", name = "", memory_stats: memory = {}, networks = {} } = sample;
  const used = memoryUsed(memory);
  const limit = memory.limit ?? 0;
  const traffic = Object.values(networks);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const io = sample.blkio_stats?.io_service_bytes_recursive ?? [];
  const moved = (op: string) =>
    sum(io.filter((entry) => entry.op.toLowerCase() === op).map(({ value }) => value));
  const percent = (value: number) => `${value.toFixed(2)}%`;
  return {
    Container: shorten ? id.slice(0, 12) : id,
    ID: shorten ? id.slice(0, 12) : id,
    Name: name.replace(/^\//, ""),
    CPUPerc: percent(cpuPercent(sample.cpu_stats, sample.precpu_stats)),
    MemUsage: `${binarySize(used)} / ${binarySize(limit)}`,
    MemPerc: percent(limit === 0 ? 0 : (used / limit) * 100),
    NetIO: `${humanSize(sum(traffic.map((one) => one.rx_bytes)), 3)} / ${humanSize(sum(traffic.map((one) => one.tx_bytes)), 3)}`,
    BlockIO: `${humanSize(moved("read"), 3)} / ${humanSize(moved("write"), 3)}`,
    PIDs: String(sample.pids_stats?.current ?? 0),
  };
}
