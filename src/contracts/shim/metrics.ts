/**
 * What `TaskService.stats` answers: the container's cgroup counters, in one shape for cgroup v1 and v2.
 *
 * Bytes and nanoseconds are numbers. "No limit" (`max` of the kernel's files) is `UNLIMITED`, the number that v1 says for memory.
 * A controller that the machine does not have leaves zeros and empty lists.
 */
export const UNLIMITED = 2 ** 63 - 4096;

export interface CgroupStats {
  readonly version: 1 | 2;
  readonly pids: { readonly current: number; readonly limit: number };
  readonly cpu: CpuStats;
  readonly memory: MemoryStats;
  readonly io: readonly IoStats[];
}

export interface CpuStats {
  readonly usageNs: number;
  readonly userNs: number;
  readonly systemNs: number;
  /** Empty on v2. */
  readonly perCpuNs: readonly number[];
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledNs: number;
}

export interface MemoryStats {
  readonly usage: number;
  /** Highest usage ever; 0 where the kernel does not keep it. */
  readonly maxUsage: number;
  readonly limit: number;
  /** How often the limit was hit (v1 failcnt, v2 memory.events max). */
  readonly failures: number;
  readonly oomKills: number;
  /** memory.stat, names as the kernel's. */
  readonly stat: Readonly<Record<string, number>>;
}

export interface IoStats {
  readonly major: number;
  readonly minor: number;
  readonly readBytes: number;
  readonly writeBytes: number;
  readonly readOps: number;
  readonly writeOps: number;
}
