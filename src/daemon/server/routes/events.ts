/** `GET /events`. */
import { SkiffError } from "../../../lib/errors.ts";
import { parseFilters } from "../../containers/filters.ts";
import { matchesFilters } from "../../events/filter.ts";
import { type EventLog, eventLine } from "../../events/log.ts";
import { parseTimestamp } from "../../events/timestamps.ts";
import type { RouteContext } from "../context.ts";
import type { Route } from "../router.ts";

/** Longer than this a timer of JavaScript cannot wait; about 24 days. */
const TIMER_MS_MAX = 0x7fffffff;

async function events(log: EventLog, nowNs: () => bigint, context: RouteContext): Promise<void> {
  const since = parseTimestamp(context.query("since"));
  const until = parseTimestamp(context.query("until"));
  if (since !== undefined && until !== undefined && until < since)
    throw new SkiffError(
      "invalid_argument",
      `\`since\` time (${context.query("since")}) cannot be after \`until\` time (${context.query("until")})`,
    );
  const filters = parseFilters(context.query("filters"), "any");
  const leftNs = until === undefined ? undefined : until - nowNs();
  const end = new AbortController();
  context.request.signal.addEventListener("abort", () => end.abort());
  if (context.request.signal.aborted) end.abort();
  // Listening begins before the kept ones are read, in one step: none is missed and none comes twice.
  const coming = leftNs !== undefined && leftNs <= 0n ? undefined : log.listen(end.signal);
  const past =
    since === undefined && until === undefined
      ? []
      : log
          .kept()
          .filter(({ timeNs }) => timeNs >= (since ?? 0n) && (until === undefined || timeNs <= until));
  const writer = context.response.stream(200, "application/json");
  for (const one of past) if (matchesFilters(one.event, filters)) await writer.write(eventLine(one));
  if (coming === undefined) return;
  const leftMs = leftNs === undefined ? undefined : Math.min(Number(leftNs / 1_000_000n), TIMER_MS_MAX);
  const timer = leftMs === undefined ? undefined : setTimeout(() => end.abort(), leftMs);
  try {
    for await (const one of coming)
      if (matchesFilters(one.event, filters)) await writer.write(eventLine(one));
  } finally {
    clearTimeout(timer);
    end.abort();
  }
}

export function eventRoutes(log: EventLog, nowNs: () => bigint): Route[] {
  return [{ method: "GET", pattern: "/events", handle: (context) => events(log, nowNs, context) }];
}
