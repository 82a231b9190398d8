/** A header block, taken apart and made. Offsets are those of POSIX ustar. */
import { decodeName } from "../bytes.ts";
import { SkiffError } from "../errors.ts";
import { BLOCK_BYTES } from "./entry.ts";
import { parseNumber } from "./numbers.ts";

export interface RawHeader {
  readonly name: string;
  readonly flag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly modifiedNs: bigint;
  readonly linkName: string;
  readonly major: number;
  readonly minor: number;
}

const CHECKSUM_AT = 148;
const CHECKSUM_END = 156;
const ID_MAX = 0xffff_fffen;

export function isZero(block: Uint8Array): boolean {
  for (const byte of block) if (byte !== 0) return false;
  return true;
}

/** Sum of all bytes, the checksum field as spaces; old programs took them as signed. */
function sums(block: Uint8Array): readonly [number, number] {
  let unsigned = 0;
  let signed = 0;
  for (let at = 0; at < BLOCK_BYTES; at++) {
    const byte = at >= CHECKSUM_AT && at < CHECKSUM_END ? 0x20 : block[at]!;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  return [unsigned, signed];
}

function text(block: Uint8Array, from: number, to: number): string {
  const end = block.indexOf(0, from);
  return decodeName(block.subarray(from, end < 0 || end > to ? to : end));
}

function small(value: bigint, what: string, most: bigint): number {
  if (value < 0n || value > most) throw new SkiffError("invalid_argument", `tar: ${what} out of range`);
  return Number(value);
}

/** @throws invalid_argument for what is no header */
export function parseHeader(block: Uint8Array): RawHeader {
  const field = (from: number, to: number, what: string) => parseNumber(block.subarray(from, to), what);
  const checksum = Number(field(CHECKSUM_AT, CHECKSUM_END, "checksum"));
  if (!sums(block).includes(checksum))
    throw new SkiffError("invalid_argument", "archive/tar: invalid tar header");
  const posix = text(block, 257, 262) === "ustar" && block[262] === 0;
  // Schilling's star keeps times where POSIX has the prefix's last bytes.
  const star = posix && text(block, 508, 512) === "tar";
  const prefix = posix ? text(block, 345, star ? 476 : 500) : "";
  const name = text(block, 0, 100);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    flag: String.fromCharCode(block[156]!),
    mode: small(field(100, 108, "mode") & 0o7777n, "mode", 0o7777n),
    uid: small(field(108, 116, "uid"), "uid", ID_MAX),
    gid: small(field(116, 124, "gid"), "gid", ID_MAX),
    size: small(field(124, 136, "size"), "size", BigInt(Number.MAX_SAFE_INTEGER)),
    modifiedNs: field(136, 148, "time") * 1_000_000_000n,
    linkName: text(block, 157, 257),
    major: small(field(329, 337, "device") & 0xfffn, "device", 0xfffn),
    minor: small(field(337, 345, "device") & 0xfffffn, "device", 0xfffffn),
  };
}

/** Fills in the checksum. */
export function sealHeader(block: Buffer): void {
  const [sum] = sums(block);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, CHECKSUM_AT, "latin1");
}
