/** ttrpc's frames: header and body, written and read again from pieces (PROTOCOL.md). */
import { SkiffError } from "../../lib/errors.ts";

export const TYPE = { request: 1, response: 2, data: 3 } as const;

export const HEADER_BYTES = 10;
export const BODY_BYTES_MAX = 4 * 1024 * 1024;

export interface Frame {
  readonly stream: number;
  readonly type: number;
  readonly flags: number;
  readonly body: Uint8Array;
}

/** @throws resource_exhausted for a body above the limit */
export function encodeFrame(stream: number, type: number, body: Uint8Array): Uint8Array {
  if (body.length > BODY_BYTES_MAX)
    throw new SkiffError(
      "resource_exhausted",
      `ttrpc message of ${body.length} bytes, at most ${BODY_BYTES_MAX}`,
    );
  const frame = Buffer.alloc(HEADER_BYTES + body.length);
  frame.writeUInt32BE(body.length, 0);
  frame.writeUInt32BE(stream, 4);
  frame[8] = type;
  frame.set(body, HEADER_BYTES);
  return frame;
}

/** Puts frames together. Answers a function that takes bytes and emits every frame they complete. @throws resource_exhausted */
export function createFrameReader(emit: (frame: Frame) => void): (bytes: Uint8Array) => void {
  let pending: Buffer = Buffer.alloc(0);
  return (bytes) => {
    pending = pending.length === 0 ? Buffer.from(bytes) : Buffer.concat([pending, bytes]);
    while (pending.length >= HEADER_BYTES) {
      const length = pending.readUInt32BE(0);
      if (length > BODY_BYTES_MAX)
        throw new SkiffError(
          "resource_exhausted",
          `ttrpc message of ${length} bytes, at most ${BODY_BYTES_MAX}`,
        );
      if (pending.length < HEADER_BYTES + length) return;
      const body = pending.subarray(HEADER_BYTES, HEADER_BYTES + length);
      const frame = { stream: pending.readUInt32BE(4), type: pending[8]!, flags: pending[9]!, body };
      pending = pending.subarray(HEADER_BYTES + length);
      emit(frame);
    }
  };
}
