/** The plan executor's timestamps, as spans of layer `skiff-init`. */
import type { TraceContext, Tracer } from "../lib/trace.ts";

export function recordPlanTrace(_tracer: Tracer, context: TraceContext | undefined, trace: Uint8Array): void {
  if (context === undefined || trace.length === 0) return;
}
