/** Frames of the stdio socket (contracts/shim/stdio.ts), as its client reads and writes them. */
import { FRAME_HEADER_BYTES, FRAME_PAYLOAD_BYTES_MAX } from "../../contracts/shim/stdio.ts";
import { SkiffError } from "../../lib/errors.ts";

export interface Frame {
  readonly type: number;
  readonly payload: Buffer;
  /** Header and payload: for stdout and stderr, also a frame of Docker's multiplexed stream. */
  readonly whole: Buffer;
}

export function encodeFrame(type: number, payload: Uint8Array = new Uint8Array(0)): Buffer {
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + payload.length);
  frame[0] = type;
  frame.writeUInt32BE(payload.length, 4);
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

/** Answers the frames that are whole after each piece of the stream. A frame too long is `data_loss`. */
export function createFrameReader(): (bytes: Uint8Array) => Frame[] {
  let rest: Buffer = Buffer.alloc(0);
  return (bytes) => {
    // A copy: the socket's buffer is used again.
    const all = rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([rest, bytes]);
    const frames: Frame[] = [];
    let at = 0;
    while (all.length - at >= FRAME_HEADER_BYTES) {
      const length = all.readUInt32BE(at + 4);
      if (length > FRAME_PAYLOAD_BYTES_MAX) throw new SkiffError("data_loss", `read frame: ${length} bytes`);
      const end = at + FRAME_HEADER_BYTES + length;
      if (end > all.length) break;
      const whole = all.subarray(at, end);
      frames.push({ type: all[at]!, payload: whole.subarray(FRAME_HEADER_BYTES), whole });
      at = end;
    }
    rest = all.subarray(at);
    return frames;
  };
}
