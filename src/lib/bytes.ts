/**
 * File names are bytes; JavaScript's strings are not. Bytes that are no UTF-8 become lone surrogates (U+DC80 … U+DCFF, as Python's surrogateescape), so
 * that every name comes out as it went in.
 */
import { isUtf8 } from "node:buffer";

const ESCAPE = 0xdc00;
const ESCAPED = /[\udc80-\udcff]/;
/** Lone ones only: the second half of a pair is no escape. */
const PARTS = /([\ud800-\udbff][\udc00-\udfff])|([\udc80-\udcff])|[^\udc80-\udcff]/gu;

export function decodeName(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  let name = "";
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceAt(bytes, at);
    if (length === 0) name += String.fromCharCode(ESCAPE + bytes[at]!);
    else name += Buffer.from(bytes.subarray(at, at + length)).toString();
    at += Math.max(1, length);
  }
  return name;
}

/** Bytes of the valid character there, 0 when there is none. */
function sequenceAt(bytes: Uint8Array, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++)
    if (isUtf8(bytes.subarray(at, at + length))) return length;
  return 0;
}

export function encodeName(name: string): Buffer {
  if (!ESCAPED.test(name)) return Buffer.from(name);
  const parts: Buffer[] = [];
  for (const [part, , escaped] of name.matchAll(PARTS))
    parts.push(escaped === undefined ? Buffer.from(part) : Buffer.of(escaped.charCodeAt(0) - ESCAPE));
  return Buffer.concat(parts);
}
