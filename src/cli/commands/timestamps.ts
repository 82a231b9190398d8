/** `--since` and `--until`: RFC 3339 in its many lengths, seconds since the epoch, or a duration back from now; as the API wants it. */
import { parseDuration } from "../format/units.ts";

export function timestampOf(value: string, nowMs = Date.now()): string {
  if (value === "" || /^\d+(\.\d+)?$/.test(value)) return value;
  const ns = parseDuration(value);
  if (ns !== undefined) return (nowMs / 1000 - ns / 1e9).toFixed(9);
  const match = /^(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d))?(?::(\d\d)(\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?$/.exec(
    value,
  );
  if (match === null) return value;
  const [, day, hour = "00", minute = "00", second = "00", fraction = "", zone = ""] = match;
  const ms = Date.parse(`${day}T${hour}:${minute}:${second}${zone}`);
  return Number.isNaN(ms) ? value : `${Math.trunc(ms / 1000)}${(fraction || ".").padEnd(10, "0")}`;
}
