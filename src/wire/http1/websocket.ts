/**
 * The server's side of a WebSocket (RFC 6455), as a stream of bytes both ways: what the client sends in data messages, and binary messages to it.
 *
 *     frame = FIN·RSV·opcode (1) · MASK·length (1, then 2 or 8 more) · mask (4, client only) · payload
 */
import { SkiffError } from "../../lib/errors.ts";
import type { HttpRequest, HttpResponse, RawStream } from "./api.ts";
import { hasToken } from "./head.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const PAYLOAD_BYTES_MAX = 1024 * 1024;
const FIN = 0x80;

const bad = (why: string) => new SkiffError("invalid_argument", `WebSocket: ${why}`);

interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** One unfragmented frame to the client. */
export function encodeFrame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = FIN | opcode;
  head[1] = length < 126 ? length : length < 65_536 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

/** A frame from the front of `bytes` and what is behind it; undefined when it is not whole yet. @throws invalid_argument */
export function decodeFrame(bytes: Buffer): { readonly frame: Frame; readonly rest: Buffer } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
  if ((bytes[0]! & 0x70) !== 0) throw bad("reserved bits are set");
  if ((bytes[1]! & 0x80) === 0) throw bad("frame is not masked");
  if (bytes.length < 2 + extra) return undefined;
  const length = extra === 0 ? short : extra === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (length > PAYLOAD_BYTES_MAX) throw bad(`frame of ${length} bytes`);
  const start = 2 + extra + 4;
  if (bytes.length < start + length) return undefined;
  const mask = bytes.subarray(start - 4, start);
  const payload = Buffer.from(bytes.subarray(start, start + length));
  for (let at = 0; at < length; at += 1) payload[at]! ^= mask[at & 3]!;
  return { frame: { opcode: bytes[0]! & 0x0f, payload }, rest: bytes.subarray(start + length) };
}

async function* readMessages(raw: RawStream, close: () => void): AsyncGenerator<Uint8Array, void> {
  let held: Buffer = Buffer.alloc(0);
  for await (const bytes of raw.input) {
    held = Buffer.concat([held, bytes]);
    for (let next = decodeFrame(held); next !== undefined; next = decodeFrame(held)) {
      held = next.rest;
      const { opcode, payload } = next.frame;
      if (opcode === OPCODE.ping) await raw.write(encodeFrame(OPCODE.pong, payload.subarray(0, 125)));
      else if (opcode === OPCODE.close) {
        await raw.write(encodeFrame(OPCODE.close, payload.subarray(0, 2)));
        close();
        return;
      } else if (opcode <= OPCODE.binary) yield payload;
    }
  }
}

/**
 * Answers the handshake and takes the connection over. A client that closes has gone: `gone` is aborted.
 * @throws invalid_argument when it is no handshake
 */
export function acceptWebSocket(
  request: HttpRequest,
  response: HttpResponse,
): RawStream & { close(): Promise<void> } {
  const key = request.headers.get("sec-websocket-key");
  if (key === undefined || !hasToken(request.headers.get("upgrade"), "websocket")) throw bad("bad handshake");
  const accept = new Bun.CryptoHasher("sha1").update(key + GUID).digest("base64");
  response.header("Sec-WebSocket-Accept", accept);
  const raw = response.hijack();
  const gone = new AbortController();
  raw.gone.addEventListener("abort", () => gone.abort());
  if (raw.gone.aborted) gone.abort();
  return {
    input: readMessages(raw, () => gone.abort()),
    write: (bytes) => raw.write(encodeFrame(OPCODE.binary, bytes)),
    gone: gone.signal,
    close: () => raw.write(encodeFrame(OPCODE.close, Buffer.from([0x03, 0xe8]))),
  };
}
