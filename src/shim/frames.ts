/**
 * Frames of the supervisor's control socket. Types 3–5 are those of the stdio socket (contracts/shim/stdio.ts), the rest are
 * drawn in native/SUPERVISOR.md.
 */
import { FRAME, FRAME_HEADER_BYTES, FRAME_PAYLOAD_BYTES_MAX } from "../contracts/shim/stdio.ts";
import { SkiffError } from "../lib/errors.ts";

export const CONTROL = {
  closeStdin: FRAME.closeStdin,
  resize: FRAME.resize,
  exit: FRAME.exit,
  /** u32 pid, then the plan executor's trace. */
  ready: 16,
  /** The launch failed; text. */
  failed: 17,
  /** To the supervisor, u32 signal number. */
  signal: 18,
  /** u32 errno, one for each frame sent to the supervisor, in order. */
  answer: 19,
  /** The process has ended, its output is still being read; empty. `exit` follows. */
  ended: 20,
} as const;

export interface Frame {
  readonly type: number;
  readonly payload: Uint8Array;
}

export function encodeFrame(type: number, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  frame[0] = type;
  new DataView(frame.buffer).setUint32(4, payload.length);
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Collects bytes as they arrive and answers the frames that are complete. A frame too long is a `data_loss`. */
export function createFrameReader(): (bytes: Uint8Array) => Frame[] {
  let rest = new Uint8Array(0);
  return (bytes) => {
    const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    const view = viewOf(all);
    const frames: Frame[] = [];
    let at = 0;
    while (all.length - at >= FRAME_HEADER_BYTES) {
      const length = view.getUint32(at + 4);
      if (length > FRAME_PAYLOAD_BYTES_MAX) throw new SkiffError("data_loss", `read frame: ${length} bytes`);
      const end = at + FRAME_HEADER_BYTES + length;
      if (end > all.length) break;
      frames.push({ type: all[at]!, payload: all.slice(at + FRAME_HEADER_BYTES, end) });
      at = end;
    }
    rest = all.slice(at);
    return frames;
  };
}
