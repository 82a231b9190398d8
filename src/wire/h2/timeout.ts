/** The `grpc-timeout` header: at most eight digits and a unit. */
import { SkiffError } from "../../lib/errors.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};
const DIGITS_MAX = 99_999_999;

export function formatTimeout(ms: number): string {
  const rounded = Math.max(1, Math.ceil(ms));
  if (rounded <= DIGITS_MAX) return `${rounded}m`;
  const seconds = Math.ceil(rounded / 1000);
  return seconds <= DIGITS_MAX ? `${seconds}S` : `${Math.min(DIGITS_MAX, Math.ceil(seconds / 3600))}H`;
}

/** Milliseconds. Throws `internal` for a malformed header, as gRPC asks. */
export function parseTimeout(header: string): number {
  const match = /^(\d{1,8})([HMSmun])$/.exec(header);
  if (match === null) throw new SkiffError("internal", `malformed grpc-timeout ${JSON.stringify(header)}`);
  return Number(match[1]) * UNIT_MS[match[2]!]!;
}
