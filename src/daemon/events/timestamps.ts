/** Times in queries: `seconds[.nanoseconds]` since the epoch, as moby's api/types/time reads them. */
import { SkiffError } from "../../lib/errors.ts";

/** Nanoseconds; undefined for "". RFC 3339 is taken too: some clients send it. @throws invalid_argument */
export function parseTimestamp(text: string): bigint | undefined {
  if (text === "") return undefined;
  const match = /^(-?[0-9]{1,12})(?:\.([0-9]{1,9}))?$/.exec(text);
  if (match !== null) {
    const [, seconds = "0", fraction = ""] = match;
    return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
  }
  const time = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    throw new SkiffError("invalid_argument", `strconv.ParseInt: parsing "${text}": invalid syntax`);
  return BigInt(time) * 1_000_000n;
}
