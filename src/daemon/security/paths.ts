/** Which files of /proc and /sys a container must not see, or not write. Docker's lists, with the side channels found in 2023–2026. */
import { existsSync, readFileSync } from "node:fs";

const MASKED = [
  ..."acpi asound interrupts kcore keys latency_stats sched_debug scsi timer_list timer_stats"
    .split(" ")
    .map((name) => `/proc/${name}`),
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
] as const;

export const READONLY_PATHS: readonly string[] = Object.freeze(
  "bus fs irq sys sysrq-trigger".split(" ").map((name) => `/proc/${name}`),
);

/** Numbers in a kernel CPU list such as `0-3,8`. */
export function parseCpuList(list: string): number[] {
  return list
    .trim()
    .split(",")
    .filter((range) => range !== "")
    .flatMap((range) => {
      const [first = 0, last = first] = range.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}

/**
 * Paths to mask on this machine. Interrupt counters (GHSA-6fw5-f8r9-fgfm), power meters (GHSA-jq35-85cj-fj4p) and thermal throttling
 * counters leak what other tenants do; the last exist per CPU and only on some hardware.
 */
export function maskedPaths(): readonly string[] {
  const cpus = existsSync("/sys/devices/system/cpu/possible")
    ? parseCpuList(readFileSync("/sys/devices/system/cpu/possible", "utf8"))
    : [];
  const thermal = cpus
    .map((cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`)
    .filter((path) => existsSync(path));
  return [...MASKED, ...thermal];
}
