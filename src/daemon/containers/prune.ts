/** `POST /containers/prune`: every container that does not run. */
import { codeOf, SkiffError } from "../../lib/errors.ts";
import { type Filters, matchesLabel } from "./filters.ts";
import type { Parts } from "./parts.ts";
import { removeStopped } from "./remove.ts";

export const PRUNE_FILTERS = ["label", "label!", "until"];

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** A time (RFC 3339 or seconds since the epoch), or a duration before now (`1h30m`): milliseconds since the epoch. */
export function parseUntil(text: string, nowMs: number): number {
  if (/^[0-9]+(\.[0-9]+)?$/.test(text)) return Number(text) * 1000;
  const parts = [...text.matchAll(/([0-9]+(?:\.[0-9]+)?)([smh])/g)];
  if (parts.length > 0 && parts.map((part) => part[0]).join("") === text)
    return nowMs - parts.reduce((sum, part) => sum + Number(part[1]) * UNITS[part[2]!]! * 1000, 0);
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new SkiffError("invalid_argument", `invalid filter 'until=${text}'`);
  return time;
}

export async function pruneContainers(
  parts: Parts,
  filters: Filters,
): Promise<{ readonly ContainersDeleted: readonly string[] | null; readonly SpaceReclaimed: number }> {
  const until = filters.get("until")?.map((text) => parseUntil(text, parts.clock.now())) ?? [];
  const labels = filters.get("label") ?? [];
  const without = filters.get("label!") ?? [];
  const deleted: string[] = [];
  for (const { id, state, created, config } of parts.registry.all()) {
    if (!["created", "exited", "dead"].includes(state.status)) continue;
    if (until.some((limit) => Date.parse(created) >= limit)) continue;
    if (!labels.every((label) => matchesLabel(config.Labels, label))) continue;
    if (without.some((label) => matchesLabel(config.Labels, label))) continue;
    try {
      await parts.locks.run(id, async () => {
        const now = parts.registry.get(id).state.status;
        if (["created", "exited", "dead"].includes(now)) await removeStopped(parts, id, { volumes: false });
      });
      deleted.push(id);
    } catch (error) {
      if (codeOf(error) !== "not_found") throw error;
    }
  }
  return { ContainersDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: 0 };
}
