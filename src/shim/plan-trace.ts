/** The plan executor's timestamps (struct plan_result in native/plan.h), as spans of layer `skiff-init`. */
import { randomIds } from "../lib/ids.ts";
import type { TraceContext, Tracer } from "../lib/trace.ts";
import { viewOf } from "./frames.ts";

export interface TracedOperation {
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly actor: number;
  readonly name: string;
}

/** u64 start, u64 end, u8 actor, u8 length of the name. */
const HEADER_BYTES = 18;
const SPAN_ID_BYTES = 8;

/** Records { u64 start ns, u64 end ns, u8 actor, u8 length, name }, little endian; a record cut short ends the list. */
export function parsePlanTrace(trace: Uint8Array): TracedOperation[] {
  const view = viewOf(trace);
  const operations: TracedOperation[] = [];
  for (let at = 0; at + HEADER_BYTES <= trace.length; ) {
    const end = at + HEADER_BYTES + trace[at + 17]!;
    if (end > trace.length) break;
    operations.push({
      startNs: view.getBigUint64(at, true),
      endNs: view.getBigUint64(at + 8, true),
      actor: trace[at + 16]!,
      name: Buffer.from(trace.subarray(at + HEADER_BYTES, end)).toString(),
    });
    at = end;
  }
  return operations;
}

export function recordPlanTrace(tracer: Tracer, parent: TraceContext | undefined, trace: Uint8Array): void {
  if (parent === undefined) return;
  for (const { startNs, endNs, name } of parsePlanTrace(trace)) {
    tracer.record({
      traceId: parent.traceId,
      spanId: randomIds.hex(SPAN_ID_BYTES),
      parentId: parent.spanId,
      name,
      layer: "skiff-init",
      startNs: startNs.toString(),
      endNs: endNs.toString(),
    });
  }
}
