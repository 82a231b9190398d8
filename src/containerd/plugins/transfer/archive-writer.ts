/** Tar headers (ustar) of what an image archive consists of: files and folders with short names, owned by root, without time. */
const BLOCK = 512;
/** Larger files need GNU's base 256. */
const OCTAL_SIZE_MAX = 8 * 1024 ** 3;

function field(header: Buffer, at: number, length: number, value: number): void {
  header.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
}

function sizeField(header: Buffer, size: number): void {
  if (size < OCTAL_SIZE_MAX) field(header, 124, 12, size);
  else {
    header.writeBigUInt64BE(BigInt(size), 128);
    header[124] = 0x80;
  }
}

function header(name: string, mode: number, size: number, type: "0" | "5"): Buffer {
  const bytes = Buffer.alloc(BLOCK);
  bytes.write(name, 0, 100);
  field(bytes, 100, 8, mode);
  field(bytes, 108, 8, 0);
  field(bytes, 116, 8, 0);
  sizeField(bytes, size);
  field(bytes, 136, 12, 0);
  bytes.fill(" ", 148, 156);
  bytes.write(type, 156);
  bytes.write("ustar\x0000", 257, "latin1");
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return bytes;
}

export interface ArchiveFile {
  readonly header: Buffer;
  /** Goes after the file's bytes. */
  readonly padding: Buffer;
}

/** @param name at most 100 bytes */
export function archiveFile(name: string, mode: number, size: number): ArchiveFile {
  return { header: header(name, mode, size, "0"), padding: Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK) };
}

export function archiveFolder(name: string, mode: number): Buffer {
  return header(name, mode, 0, "5");
}

export function archiveTrailer(): Buffer {
  return Buffer.alloc(2 * BLOCK);
}
