/** Headers of a tar archive that we write: plain files and directories with short names (POSIX ustar). */
import { SkiffError } from "../../lib/errors.ts";

const BLOCK = 512;
const SIZE_MAX = 0o77777777777;

export interface TarEntry {
  /** At most 100 bytes. Ends with `/`: a directory. */
  readonly name: string;
  readonly size: number;
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, "0")}\0`;
}

/** Sizes over 8 GiB are written in binary, as GNU tar does. */
function sizeField(size: number): Buffer {
  if (size <= SIZE_MAX) return Buffer.from(octal(size, 12), "latin1");
  const field = Buffer.alloc(12);
  field.writeBigUInt64BE(BigInt(size), 4);
  field[0] = 0x80;
  return field;
}

export function tarHeader({ name, size }: TarEntry): Buffer {
  const header = Buffer.alloc(BLOCK);
  if (Buffer.byteLength(name) > 100)
    throw new SkiffError("internal", `write archive: name too long: ${name}`);
  const directory = name.endsWith("/");
  header.write(name, 0);
  header.write(octal(directory ? 0o755 : 0o644, 8), 100, "latin1");
  header.write(octal(0, 8), 108, "latin1");
  header.write(octal(0, 8), 116, "latin1");
  sizeField(size).copy(header, 124);
  header.write(octal(0, 12), 136, "latin1");
  header.write("        ", 148, "latin1");
  header.write(directory ? "5" : "0", 156, "latin1");
  header.write("ustar\0" + "00", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

/** Zeros up to the next block. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

export const TAR_END = Buffer.alloc(2 * BLOCK);
