/** Filters of `volume ls` and `volume prune`. */
import { SkiffError } from "../../lib/errors.ts";
import { type Filters, matchesLabel } from "../containers/filters.ts";
import { ANONYMOUS_LABEL } from "./main.ts";
import type { VolumeRecord } from "./store.ts";

export const LIST_FILTERS = ["dangling", "driver", "label", "name"];
export const PRUNE_FILTERS = ["all", "label", "label!"];

const TRUE = ["true", "1"];
const FALSE = ["false", "0"];

/** undefined: not asked for. @throws invalid_argument */
function booleanFilter(filters: Filters, name: string): boolean | undefined {
  const values = filters.get(name);
  if (values === undefined || values.length === 0) return undefined;
  if (values.length === 1 && TRUE.includes(values[0]!)) return true;
  if (values.length === 1 && FALSE.includes(values[0]!)) return false;
  throw new SkiffError("invalid_argument", `invalid filter '${name}=[${values.join(" ")}]'`);
}

function matchesName(name: string, pattern: string): boolean {
  if (name === pattern || pattern.length > 512) return name === pattern;
  try {
    return new RegExp(pattern).test(name);
  } catch {
    return name.includes(pattern);
  }
}

export function matchesList(volume: VolumeRecord, used: boolean, filters: Filters): boolean {
  const dangling = booleanFilter(filters, "dangling");
  if (dangling !== undefined && dangling === used) return false;
  const { labels } = volume;
  if (!(filters.get("label") ?? []).every((label) => matchesLabel(labels ?? {}, label))) return false;
  const any = (name: string, test: (value: string) => boolean) => {
    const values = filters.get(name) ?? [];
    return values.length === 0 || values.some(test);
  };
  return (
    any("name", (pattern) => matchesName(volume.name, pattern)) &&
    any("driver", (driver) => driver === volume.driver)
  );
}

/** Unused ones only are asked about. Without `all` only the anonymous ones go. */
export function matchesPrune({ labels }: VolumeRecord, filters: Filters): boolean {
  const own = labels ?? {};
  if (booleanFilter(filters, "all") !== true && !Object.hasOwn(own, ANONYMOUS_LABEL)) return false;
  return (
    (filters.get("label") ?? []).every((label) => matchesLabel(own, label)) &&
    !(filters.get("label!") ?? []).some((label) => matchesLabel(own, label))
  );
}
