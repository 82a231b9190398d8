/** Resource limits as writes to cgroup files, v1 and v2; shared by `create` (plan operations) and `update`. */
import type { Resources, ThrottleDevice } from "../../contracts/oci/spec.ts";
import { SkiffError } from "../../lib/errors.ts";

export interface CgroupWrite {
  /** v1 controller; "" is the unified hierarchy. */
  readonly controller: string;
  readonly file: string;
  readonly text: string;
  /** A kernel without the feature is borne. */
  readonly optional?: boolean;
}

const memoryText = (bytes: number): string => (bytes < 0 ? "-1" : String(bytes));
const maxText = (value: number): string => (value < 0 ? "max" : String(value));

type Push = (
  controller: string,
  file: string,
  value: number | string | undefined,
  optional?: boolean,
) => void;

function collector(): { readonly writes: CgroupWrite[]; readonly push: Push } {
  const writes: CgroupWrite[] = [];
  const push: Push = (controller, file, value, optional = false) => {
    if (value === undefined || value === "") return;
    writes.push({ controller, file, text: String(value), ...(optional ? { optional } : {}) });
  };
  return { writes, push };
}

/** Raising both limits needs swap first, lowering them memory first: `current` is the memsw limit now in force. */
function memoryV1(push: Push, memory: NonNullable<Resources["memory"]>, current: number): void {
  const { limit, swap } = memory;
  const limits = [
    () => push("memory", "memory.limit_in_bytes", limit ? memoryText(limit) : undefined),
    () =>
      push(
        "memory",
        "memory.memsw.limit_in_bytes",
        swap ? memoryText(swap) : undefined,
        (limit ?? 0) === (swap ?? 0),
      ),
  ];
  const raising = (swap ?? 0) < 0 || (swap ?? 0) > current;
  for (const write of raising && current > 0 ? limits.reverse() : limits) write();
  push(
    "memory",
    "memory.soft_limit_in_bytes",
    memory.reservation ? memoryText(memory.reservation) : undefined,
  );
  push(
    "memory",
    "memory.kmem.tcp.limit_in_bytes",
    memory.kernelTCP ? memoryText(memory.kernelTCP) : undefined,
    true,
  );
  push("memory", "memory.swappiness", memory.swappiness, true);
  if (memory.disableOOMKiller === true) push("memory", "memory.oom_control", "1");
}

function cpuV1(push: Push, cpu: NonNullable<Resources["cpu"]>): void {
  push("cpuset", "cpuset.cpus", cpu.cpus);
  push("cpuset", "cpuset.mems", cpu.mems);
  push("cpu", "cpu.shares", cpu.shares || undefined);
  push("cpu", "cpu.cfs_period_us", cpu.period || undefined);
  push("cpu", "cpu.cfs_quota_us", cpu.quota || undefined);
  push("cpu", "cpu.cfs_burst_us", cpu.burst, true);
  push("cpu", "cpu.rt_period_us", cpu.realtimePeriod || undefined);
  push("cpu", "cpu.rt_runtime_us", cpu.realtimeRuntime || undefined);
  push("cpu", "cpu.idle", cpu.idle, true);
}

function throttles(push: Push, file: string, devices: readonly ThrottleDevice[] | undefined): void {
  for (const device of devices ?? []) {
    push("blkio", file, `${device.major}:${device.minor} ${device.rate}`);
  }
}

function blockIoV1(push: Push, io: NonNullable<Resources["blockIO"]>): void {
  push("blkio", "blkio.bfq.weight", io.weight || undefined, true);
  for (const device of io.weightDevice ?? []) {
    push("blkio", "blkio.bfq.weight_device", `${device.major}:${device.minor} ${device.weight ?? 0}`, true);
  }
  throttles(push, "blkio.throttle.read_bps_device", io.throttleReadBpsDevice);
  throttles(push, "blkio.throttle.write_bps_device", io.throttleWriteBpsDevice);
  throttles(push, "blkio.throttle.read_iops_device", io.throttleReadIOPSDevice);
  throttles(push, "blkio.throttle.write_iops_device", io.throttleWriteIOPSDevice);
}

/** `memoryNow`: memory.memsw.limit_in_bytes of an existing container, 0 for a new one. */
export function limitWritesV1(resources: Resources, memoryNow = 0): CgroupWrite[] {
  const { writes, push } = collector();
  if (resources.memory) memoryV1(push, resources.memory, memoryNow);
  if (resources.cpu) cpuV1(push, resources.cpu);
  const pids = resources.pids?.limit;
  if (pids !== undefined && pids !== 0) push("pids", "pids.max", maxText(pids));
  if (resources.blockIO) blockIoV1(push, resources.blockIO);
  for (const { pageSize, limit } of resources.hugepageLimits ?? []) {
    push("hugetlb", `hugetlb.${pageSize}.limit_in_bytes`, limit);
  }
  push("net_cls", "net_cls.classid", resources.network?.classID);
  for (const { name, priority } of resources.network?.priorities ?? []) {
    push("net_prio", "net_prio.ifpriomap", `${name} ${priority}`);
  }
  return writes;
}

/** cpu.shares 2…262144 → cpu.weight 1…10000, as runc. */
export function cpuWeight(shares: number): number {
  return shares === 0 ? 0 : 1 + Math.floor(((Math.min(Math.max(shares, 2), 262_144) - 2) * 9999) / 262_142);
}

function memoryV2(push: Push, memory: NonNullable<Resources["memory"]>): void {
  const { limit = 0, swap = 0 } = memory;
  if (swap > 0 && limit > 0 && swap < limit) {
    throw new SkiffError("invalid_argument", "memory+swap limit should be >= memory limit");
  }
  if (swap !== 0)
    push("", "memory.swap.max", maxText(swap < 0 ? -1 : swap - Math.max(limit, 0)), swap === limit);
  if (limit !== 0) push("", "memory.max", maxText(limit));
  if (memory.reservation) push("", "memory.low", maxText(memory.reservation));
}

function blockIoV2(push: Push, io: NonNullable<Resources["blockIO"]>): void {
  if (io.weight) {
    push("", "io.bfq.weight", io.weight, true);
    push("", "io.weight", 1 + Math.floor(((io.weight - 10) * 9999) / 990), true);
  }
  const limits = {
    rbps: io.throttleReadBpsDevice,
    wbps: io.throttleWriteBpsDevice,
    riops: io.throttleReadIOPSDevice,
    wiops: io.throttleWriteIOPSDevice,
  };
  for (const [key, devices] of Object.entries(limits)) {
    for (const { major, minor, rate } of devices ?? [])
      push("", "io.max", `${major}:${minor} ${key}=${rate}`);
  }
}

export function limitWritesV2(resources: Resources): CgroupWrite[] {
  const { writes, push } = collector();
  const { cpu, pids } = resources;
  if (resources.memory) memoryV2(push, resources.memory);
  push("", "cpuset.cpus", cpu?.cpus);
  push("", "cpuset.mems", cpu?.mems);
  if (cpu?.shares) push("", "cpu.weight", cpuWeight(cpu.shares));
  if (cpu?.quota || cpu?.period) {
    push("", "cpu.max", `${(cpu.quota ?? 0) > 0 ? cpu.quota : "max"} ${cpu.period || 100_000}`);
  }
  push("", "cpu.max.burst", cpu?.burst, true);
  push("", "cpu.idle", cpu?.idle, true);
  if (pids?.limit !== undefined && pids.limit !== 0) push("", "pids.max", maxText(pids.limit));
  if (resources.blockIO) blockIoV2(push, resources.blockIO);
  for (const { pageSize, limit } of resources.hugepageLimits ?? []) {
    push("", `hugetlb.${pageSize}.max`, limit);
  }
  for (const [file, text] of Object.entries(resources.unified ?? {})) {
    if (file.includes("/"))
      throw new SkiffError("invalid_argument", `unified resource "${file}": has a slash`);
    push("", file, text);
  }
  return writes;
}
