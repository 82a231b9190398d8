/** Numbers in a header: octal text, or base 256 where the first bit is set (GNU). */
import { SkiffError } from "../errors.ts";

export function parseNumber(field: Uint8Array, what: string): bigint {
  const first = field[0]!;
  if ((first & 0x80) !== 0) return parseBinary(field, what);
  const text = Buffer.from(field)
    .toString("latin1")
    .replace(/[\0 ]+$/, "")
    .trimStart();
  if (text === "") return 0n;
  if (!/^[0-7]+$/.test(text)) throw new SkiffError("invalid_argument", `tar: invalid ${what}`);
  return BigInt(`0o${text}`);
}

function parseBinary(field: Uint8Array, what: string): bigint {
  const negative = (field[0]! & 0x40) !== 0;
  let value = BigInt(field[0]! & 0x3f);
  for (const byte of field.subarray(1)) value = (value << 8n) | BigInt(byte);
  if (negative) value -= 1n << BigInt(8 * field.length - 2);
  if (value > 0x7fff_ffff_ffff_ffffn || value < -0x8000_0000_0000_0000n)
    throw new SkiffError("invalid_argument", `tar: ${what} out of range`);
  return value;
}

/** Octal with a NUL at the end; undefined when it does not fit. */
export function formatOctal(value: bigint, bytes: number): string | undefined {
  const text = value < 0n ? "" : value.toString(8);
  return value < 0n || text.length > bytes - 1 ? undefined : `${text.padStart(bytes - 1, "0")}\0`;
}

/** Seconds with a fraction, as pax writes times (`-1.5`), in nanoseconds. */
export function parseTime(text: string): bigint {
  const match = /^(-?)(\d{1,12})(?:\.(\d*))?$/.exec(text);
  if (match === null) throw new SkiffError("invalid_argument", `tar: invalid time ${JSON.stringify(text)}`);
  const ns = BigInt(match[2]!) * 1_000_000_000n + BigInt((match[3] ?? "").slice(0, 9).padEnd(9, "0"));
  return match[1] === "-" ? -ns : ns;
}

export function formatTime(ns: bigint): string {
  const sign = ns < 0n ? "-" : "";
  const value = ns < 0n ? -ns : ns;
  const fraction = (value % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  return `${sign}${value / 1_000_000_000n}${fraction === "" ? "" : `.${fraction}`}`;
}
