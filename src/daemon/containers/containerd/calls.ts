/** What all our calls to containerd share. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { codeOf } from "../../../lib/errors.ts";
import { formatTraceparent, type TraceContext } from "../../../lib/trace.ts";
import type { CallOptions } from "../../../wire/h2/api.ts";

/** Hands the trace on. */
export function traced(trace: TraceContext | undefined): CallOptions {
  return trace === undefined ? {} : { metadata: { traceparent: formatTraceparent(trace) } };
}

export function nanosecondsOf(time: Timestamp | undefined): bigint {
  return time === undefined ? 0n : time.seconds * 1_000_000_000n + BigInt(time.nanos);
}

/** undefined instead of `not_found`. */
export async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (codeOf(error) === "not_found") return undefined;
    throw error;
  }
}
