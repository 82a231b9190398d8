/** events: the container's counters, once with --stats, else every interval until it stops. */
import { SkiffError } from "../../lib/errors.ts";
import { readStats } from "../cgroups/stats.ts";
import { openContainer } from "../container/state.ts";
import type { RuncContext } from "../context.ts";
import { BOOLEAN, parseFlags, VALUE } from "../options.ts";
import { onlyId } from "./words.ts";

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 };

/** A Go duration of one unit: `5s`, `500ms`. */
function parseInterval(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (match === null || Number(match[1]) <= 0) {
    throw new SkiffError("invalid_argument", "duration interval must be greater than 0");
  }
  return Number(match[1]) * SECONDS[match[2]!]! * 1000;
}

export async function events(context: RuncContext, argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(argv, { interval: VALUE, stats: BOOLEAN });
  const id = onlyId("events", parsed);
  const interval = parseInterval(parsed.value("interval") ?? "5s");
  const container = openContainer(context.root, id);
  if (container.alive() === undefined)
    throw new SkiffError("failed_precondition", `container with id ${id} is not running`);
  const { cgroups, cgroupVersion } = container.stored;
  do {
    const data = readStats(cgroups, cgroupVersion);
    context.print(`${JSON.stringify({ type: "stats", id, data })}\n`);
    if (parsed.has("stats")) break;
    await Bun.sleep(interval);
  } while (container.alive() !== undefined);
  return 0;
}
