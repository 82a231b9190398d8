/** `skiff run --trace`: what every layer did for this container, and how long it took, as a tree on stderr. */
import { writeStderr } from "../../../kernel/stdout.ts";
import { systemClock } from "../../../lib/clock.ts";
import { randomIds } from "../../../lib/ids.ts";
import type { Span } from "../../../lib/trace.ts";
import type { Context } from "../../command.ts";

const NS_PER_MS = 1_000_000;
const NAME_WIDTH = 58;
/** Of the kernel plan's hundred operations only those are listed that cost something; the others are one line. */
const PLAN_LAYER = "skiff-init";
const PLAN_NS_MIN = 50_000n;

const lengthNs = ({ startNs, endNs }: Span): bigint => BigInt(endNs) - BigInt(startNs);

function line(layer: string, name: string, ns: bigint): string {
  const shown = name.length <= NAME_WIDTH ? name.padEnd(NAME_WIDTH) : `${name.slice(0, NAME_WIDTH - 1)}…`;
  return `${layer.padEnd(17)} ${shown} ${(Number(ns) / NS_PER_MS).toFixed(2).padStart(8)} ms\n`;
}

/** Indented under its parent, in order of start. */
export function renderSpans(spans: readonly Span[]): string {
  const known = new Set(spans.map(({ spanId }) => spanId));
  const children = new Map<string, Span[]>();
  for (const span of spans) {
    const parent = known.has(span.parentId) ? span.parentId : "";
    children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  const order = (a: Span, b: Span) => (BigInt(a.startNs) < BigInt(b.startNs) ? -1 : 1);
  const lines: string[] = [];
  const visit = (parent: string, depth: number): void => {
    const indent = "  ".repeat(depth);
    const here = (children.get(parent) ?? []).toSorted(order);
    const short = here.filter((span) => span.layer === PLAN_LAYER && lengthNs(span) < PLAN_NS_MIN);
    for (const span of here) {
      if (short.includes(span)) continue;
      lines.push(line(span.layer, indent + span.name, lengthNs(span)));
      visit(span.spanId, depth + 1);
    }
    if (short.length > 0) {
      const total = short.reduce((sum, span) => sum + lengthNs(span), 0n);
      lines.push(line(PLAN_LAYER, `${indent}${short.length} shorter operations of the kernel plan`, total));
    }
  };
  visit("", 0);
  return lines.join("");
}

export async function traced(context: Context, body: () => Promise<number>): Promise<number> {
  const { client } = context;
  const root = { traceId: randomIds.hex(16), spanId: randomIds.hex(8) };
  const startNs = systemClock.nowNs().toString();
  client.trace = root;
  const code = await body();
  client.trace = undefined;
  const endNs = systemClock.nowNs().toString();
  const own: Span = { ...root, parentId: "", name: "skiff run", layer: "skiff", startNs, endNs };
  const spans = await client.get<readonly Span[]>(`/skiff/trace/${root.traceId}`);
  writeStderr(`\n${renderSpans([own, ...spans])}`);
  return code;
}
