/** IPv4 addresses and networks as numbers. */
import { SkiffError } from "../../lib/errors.ts";

/** `a.b.c.d`, strictly: four decimal numbers without leading zeros. undefined when it is none. */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

export function ipv4Bytes(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

export function ipv4FromBytes(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}

export interface Cidr {
  /** As written, host bits and all. */
  readonly address: number;
  readonly prefix: number;
}

export function maskOf(prefix: number): number {
  return prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
}

export function networkOf({ address, prefix }: Cidr): number {
  return (address & maskOf(prefix)) >>> 0;
}

export function formatNetwork(cidr: Cidr): string {
  return `${formatIpv4(networkOf(cidr))}/${cidr.prefix}`;
}

export function overlap(one: Cidr, other: Cidr): boolean {
  const mask = maskOf(Math.min(one.prefix, other.prefix));
  return ((one.address ^ other.address) & mask) === 0;
}

/** @throws invalid_argument, as Go's net.ParseCIDR says it. */
export function parseCidr(text: string): Cidr {
  const [address, prefix, ...rest] = text.split("/");
  const value = parseIpv4(address ?? "");
  if (value === undefined || rest.length > 0 || !/^(0|[1-9]\d?)$/.test(prefix ?? "") || Number(prefix) > 32)
    throw new SkiffError("invalid_argument", `invalid CIDR address: ${text}`);
  return { address: value, prefix: Number(prefix) };
}
