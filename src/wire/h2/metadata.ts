/** Metadata of calls: header fields that are not the protocol's own, and the trace context among them. */
import { formatTraceparent, type TraceContext } from "../../lib/trace.ts";
import type { HeaderField } from "./hpack-table.ts";

const OWN = new Set([
  "content-type",
  "te",
  "user-agent",
  "grpc-timeout",
  "grpc-encoding",
  "grpc-accept-encoding",
]);

/** A repeated name's values are joined by ",". */
export function metadataOf(fields: readonly HeaderField[]): Map<string, string> {
  const metadata = new Map<string, string>();
  for (const [name, value] of fields) {
    if (name.charCodeAt(0) === 0x3a || OWN.has(name)) continue;
    const before = metadata.get(name);
    metadata.set(name, before === undefined ? value : `${before},${value}`);
  }
  return metadata;
}

/** Metadata that makes a call part of a trace: `{ traceparent }`, or nothing. */
export function traceMetadata(context: TraceContext | undefined): Readonly<Record<string, string>> {
  return context === undefined ? {} : { traceparent: formatTraceparent(context) };
}
