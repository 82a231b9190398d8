/** What takes how much of the disk, and how much of it could be given back. */
import type { DiskUsage } from "../../../contracts/engine/system.ts";
import type { Volume } from "../../../contracts/engine/volume.ts";
import { humanSize } from "../../format/units.ts";

/** Sizes and counts that are not known are -1. */
export interface UsedVolume extends Volume {
  readonly UsageData?: { readonly Size: number; readonly RefCount: number };
}

export interface CacheRecord {
  readonly ID: string;
  readonly Type: string;
  readonly Size: number;
  readonly InUse: boolean;
  readonly Shared: boolean;
  readonly CreatedAt: string;
  readonly LastUsedAt?: string | null;
  readonly UsageCount: number;
  readonly Description: string;
  /** Of daemons before API 1.42. */
  readonly Parent?: string;
}

export interface Usage extends Omit<DiskUsage, "Volumes" | "BuildCache"> {
  readonly Volumes: readonly UsedVolume[] | null;
  readonly BuildCache: readonly CacheRecord[] | null;
}

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + Math.max(value, 0), 0);

function row(Type: string, total: number, active: number, bytes: number, reclaimable: number) {
  const percent = bytes > 0 ? ` (${Math.trunc((reclaimable * 100) / bytes)}%)` : "";
  return {
    ...{ Active: String(active), Reclaimable: humanSize(reclaimable) + percent, Size: humanSize(bytes) },
    ...{ TotalCount: String(total), Type },
  };
}

const ACTIVE = new Set(["running", "paused", "restarting"]);

export function usageRows(usage: Usage) {
  const images = usage.Images ?? [];
  const containers = usage.Containers ?? [];
  const volumes = usage.Volumes ?? [];
  const cache = usage.BuildCache ?? [];
  const used = images
    .filter(({ Containers, Size, SharedSize }) => Containers !== 0 && Size !== -1 && SharedSize !== -1)
    .map(({ Size, SharedSize }) => Size - SharedSize);
  const busy = images.filter(({ Containers }) => Containers > 0).length;
  const idle = containers.filter(({ State }) => !ACTIVE.has(State));
  const written = sum(containers.map(({ SizeRw = 0 }) => SizeRw));
  const volumeSize = (volume: UsedVolume) => volume.UsageData?.Size ?? 0;
  const mounted = volumes.filter(({ UsageData }) => (UsageData?.RefCount ?? 0) > 0);
  const unmounted = volumes.filter(({ UsageData }) => UsageData?.RefCount === 0);
  const own = cache.filter(({ Shared }) => !Shared);
  const cacheBytes = sum(own.map(({ Size }) => Size));
  const cacheUsed = sum(own.filter(({ InUse }) => InUse).map(({ Size }) => Size));
  return [
    row("Images", images.length, busy, usage.LayersSize, usage.LayersSize - sum(used)),
    row(
      "Containers",
      containers.length,
      containers.length - idle.length,
      written,
      sum(idle.map(({ SizeRw = 0 }) => SizeRw)),
    ),
    row(
      "Local Volumes",
      volumes.length,
      mounted.length,
      sum(volumes.map(volumeSize)),
      sum(unmounted.map(volumeSize)),
    ),
    {
      ...row("Build Cache", cache.length, cache.filter(({ InUse }) => InUse).length, cacheBytes, 0),
      Reclaimable: humanSize(cacheBytes - cacheUsed),
    },
  ];
}
