/** Small pieces of text that several lists share. */
import { humanDuration } from "./units.ts";

const SHORT_ID = 12;

/** `sha256:0123…` → its first twelve digits. */
export function shortId(id: string): string {
  const digits = id.slice(id.indexOf(":") + 1);
  return digits.slice(0, SHORT_ID);
}

/** Cut to `columns`, the last of them an ellipsis. */
export function ellipsis(text: string, columns: number): string {
  const letters = [...text];
  return letters.length <= columns ? text : `${letters.slice(0, columns - 1).join("")}…`;
}

/** `3 hours ago` */
export function since(ms: number): string {
  return `${humanDuration(Date.now() - ms)} ago`;
}

function offsetOf(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const two = (value: number) => String(Math.trunc(value)).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${two(Math.abs(minutes) / 60)}${two(Math.abs(minutes) % 60)}`;
}

const ZONE = /\(([^)]*)\)/;

/** As Go prints a time: `2026-11-25 05:45:13.123 +0000 UTC`. `fraction`: digits behind the second, zeros at its end are left out. */
export function goTime(ms: number, fraction = ""): string {
  const date = new Date(ms);
  const local = new Date(ms - date.getTimezoneOffset() * 60_000).toISOString();
  const digits = fraction.replace(/0+$/, "");
  const offset = offsetOf(date);
  const short = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }).formatToParts(date);
  const zone = short.find(({ type }) => type === "timeZoneName")?.value ?? ZONE.exec(String(date))?.[1] ?? "";
  const name = offset === "+0000" && (zone === "" || zone === "GMT") ? "UTC" : zone;
  return `${local.slice(0, 10)} ${local.slice(11, 19)}${digits === "" ? "" : `.${digits}`} ${offset} ${name}`;
}

/** `2026-11-25T06:43:17.67Z` as `goTime`, in UTC as it came. */
export function goTimeOf(timestamp: string): string {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(timestamp);
  if (match === null) return timestamp;
  const [, day, time, fraction = "", zone = ""] = match;
  const digits = fraction.replace(/0+$/, "");
  const offset = zone === "Z" ? "+0000 UTC" : `${zone.replace(":", "")} ${zone.replace(":", "")}`;
  return `${day} ${time}${digits === "" ? "" : `.${digits}`} ${offset}`;
}

/** `2026-11-25T05:45:14Z`, with our own offset. */
export function rfc3339(ms: number): string {
  const date = new Date(ms);
  const local = new Date(ms - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
  const offset = offsetOf(date);
  return local + (offset === "+0000" ? "Z" : `${offset.slice(0, 3)}:${offset.slice(3)}`);
}

/** `a=1,b=2` */
export function labelText(labels: Readonly<Record<string, string>> | null | undefined): string {
  return Object.entries(labels ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join(",");
}
