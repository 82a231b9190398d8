/** `skiff run --trace`: what every layer did for this container, and how long it took, as a tree on stderr. */
import { writeStderr } from "../../../kernel/stdout.ts";
import { systemClock } from "../../../lib/clock.ts";
import { randomIds } from "../../../lib/ids.ts";
import type { Span } from "../../../lib/trace.ts";
import type { Context } from "../../command.ts";

/** Spans shorter than this share of a nanosecond clock are noise to the eye: all are shown, none is rounded away. */
const NS_PER_MS = 1_000_000;
const NAME_WIDTH = 58;

function durationMs({ startNs, endNs }: Span): string {
  return (Number(BigInt(endNs) - BigInt(startNs)) / NS_PER_MS).toFixed(2).padStart(9);
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
    for (const span of (children.get(parent) ?? []).toSorted(order)) {
      const name = `${"  ".repeat(depth)}${span.name}`;
      lines.push(`${span.layer.padEnd(17)} ${name.padEnd(NAME_WIDTH)} ${durationMs(span)} ms\n`);
      visit(span.spanId, depth + 1);
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
