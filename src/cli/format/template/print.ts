/** Values as Go prints them: `map[a:1 b:2]`, `[x y]`, `<nil>`, whole numbers without exponent. */

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function printNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return String(value);
  const [digits, exponent] = value.toExponential().split("e") as [string, string];
  const power = Number(exponent);
  if (power >= -4 && power < 21) return String(value);
  return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

export function printValue(value: unknown, nil = "<nil>"): string {
  if (value === undefined) return "<no value>";
  if (value === null) return nil;
  if (typeof value === "number") return printNumber(value);
  if (Array.isArray(value)) return `[${value.map((item) => printValue(item)).join(" ")}]`;
  if (isObject(value)) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `map[${entries.map(([key, item]) => `${key}:${printValue(item)}`).join(" ")}]`;
  }
  return String(value);
}

/** As Go's encoding/json writes: keys as they come, `<`, `>` and `&` as they are (docker turns escaping off). */
export function toJson(value: unknown): string {
  return JSON.stringify(value === undefined ? null : value);
}

/** Go's truth: everything but zero values. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isObject(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}
