/** For tests: two connections joined in memory, and a connection whose peer is the test. */
import { Connection, type ConnectionOwner } from "./connection.ts";
import { FRAME_HEADER_BYTES, putFrameHeader } from "./frames.ts";
import type { Transport, TransportEvents } from "./transport.ts";

export interface Recorded {
  readonly connection: Connection;
  /** All that the connection has written. */
  written(): Buffer;
  readonly state: { closed: boolean };
}

/** A connection over a transport that takes everything and answers nothing. */
export function recordedConnection(
  role: "client" | "server",
  owner: Partial<ConnectionOwner> = {},
): Recorded {
  const chunks: Buffer[] = [];
  const state = { closed: false };
  const transport: Transport = {
    write: (bytes) => {
      chunks.push(Buffer.from(bytes));
      return bytes.length;
    },
    close: () => {
      state.closed = true;
    },
  };
  const connection = new Connection(transport, role, { draining: () => {}, closed: () => {}, ...owner });
  return { connection, written: () => Buffer.concat(chunks), state };
}

export function frameOf(type: number, flags: number, streamId: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  putFrameHeader(bytes, 0, payload.length, type, flags, streamId);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

export interface SeenFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** Splits what a connection has written; a client's preface is skipped. */
export function framesOf(bytes: Buffer): SeenFrame[] {
  const frames: SeenFrame[] = [];
  let at = bytes.subarray(0, 3).toString() === "PRI" ? 24 : 0;
  while (at + FRAME_HEADER_BYTES <= bytes.length) {
    const length = bytes.readUIntBE(at, 3);
    const payload = bytes.subarray(at + FRAME_HEADER_BYTES, at + FRAME_HEADER_BYTES + length);
    frames.push({
      type: bytes[at + 3]!,
      flags: bytes[at + 4]!,
      streamId: bytes.readUInt32BE(at + 5),
      payload,
    });
    at += FRAME_HEADER_BYTES + length;
  }
  return frames;
}

export const CLIENT_PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export type { TransportEvents };
