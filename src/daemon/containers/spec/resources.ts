/** HostConfig's limits as OCI resources, with dockerd's rules for what is left out. */
import { statSync } from "node:fs";
import type { DeviceRule, Resources, ThrottleDevice } from "../../../contracts/oci/spec.ts";
import { SkiffError } from "../../../lib/errors.ts";
import type { HostConfig, Throttle } from "../config.ts";

/** Microseconds: the period `--cpus` is counted in. */
const CPU_PERIOD = 100_000;

/** Drops absent members; an object without members is absent itself. */
function present<T extends object>(object: T): T | undefined {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as T);
}

const positive = (value: number) => (value > 0 ? value : undefined);
const given = (value: number) => (value !== 0 ? value : undefined);
const text = (value: string) => (value !== "" ? value : undefined);

function memory(host: HostConfig): Resources["memory"] {
  return present({
    limit: positive(host.Memory),
    reservation: positive(host.MemoryReservation),
    swap: positive(host.MemorySwap) ?? (host.MemorySwap === -1 && host.Memory > 0 ? -1 : undefined),
    swappiness:
      host.MemorySwappiness !== null && host.MemorySwappiness >= 0 ? host.MemorySwappiness : undefined,
    disableOOMKiller: host.OomKillDisable ?? undefined,
  }) as Resources["memory"];
}

function cpu(host: HostConfig): Resources["cpu"] {
  const whole = host.NanoCpus > 0;
  return present({
    shares: given(host.CpuShares),
    cpus: text(host.CpusetCpus),
    mems: text(host.CpusetMems),
    period: given(host.CpuPeriod) ?? (whole ? CPU_PERIOD : undefined),
    quota: given(host.CpuQuota) ?? (whole ? Math.floor((host.NanoCpus * CPU_PERIOD) / 1e9) : undefined),
    realtimePeriod: given(host.CpuRealtimePeriod),
    realtimeRuntime: given(host.CpuRealtimeRuntime),
  }) as Resources["cpu"];
}

function numbersOf(path: string): { major: number; minor: number } {
  const rdev = statSync(path, { throwIfNoEntry: false })?.rdev;
  if (rdev === undefined) throw new SkiffError("invalid_argument", `stat ${path}: no such file or directory`);
  return { major: (rdev >> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >> 12) & 0xfff00) };
}

function throttles(list: readonly Throttle[] | null): readonly ThrottleDevice[] | undefined {
  return list === null || list.length === 0
    ? undefined
    : list.map(({ Path, Rate }) => ({ ...numbersOf(Path), rate: Rate }));
}

function blockIO(host: HostConfig): Resources["blockIO"] {
  const weights = host.BlkioWeightDevice ?? [];
  return present({
    weight: given(host.BlkioWeight),
    weightDevice:
      weights.length === 0
        ? undefined
        : weights.map(({ Path, Weight }) => ({ ...numbersOf(Path), weight: Weight })),
    throttleReadBpsDevice: throttles(host.BlkioDeviceReadBps),
    throttleWriteBpsDevice: throttles(host.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: throttles(host.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: throttles(host.BlkioDeviceWriteIOps),
  }) as Resources["blockIO"];
}

export function buildResources(host: HostConfig, devices: readonly DeviceRule[]): Resources {
  const parts = { memory: memory(host), cpu: cpu(host), blockIO: blockIO(host) };
  const pids = host.PidsLimit === null ? undefined : { limit: host.PidsLimit > 0 ? host.PidsLimit : -1 };
  return { devices, ...(present({ ...parts, pids }) ?? {}) };
}
