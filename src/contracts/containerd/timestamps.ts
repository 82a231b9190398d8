/** google.protobuf.Timestamp and nanoseconds since the epoch. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";

const SECOND = 1_000_000_000n;

/** Fits a message's init; 0n, "never", is left out. */
export function timestampOf(ns: bigint): { seconds: bigint; nanos: number } | undefined {
  return ns === 0n ? undefined : { seconds: ns / SECOND, nanos: Number(ns % SECOND) };
}

export function nanosecondsOf(timestamp: Timestamp | undefined): bigint {
  return timestamp === undefined ? 0n : timestamp.seconds * SECOND + BigInt(timestamp.nanos);
}
