/** gRPC's status: how an error becomes trailers, and trailers an error. The one place where codes and numbers meet on this wire. */
import { codeFromGrpc, codeOf, ERROR_CODES, messageOf, SkiffError } from "../../lib/errors.ts";
import { hpackEncode } from "./hpack.ts";
import type { HeaderField } from "./hpack-table.ts";

/** Longer messages are cut: the peer limits the size of trailers. */
const MESSAGE_CHARACTERS_MAX = 8192;

/** Percent-encodes what is not printable ASCII, and "%" (gRPC over HTTP/2, "Status-Message"). */
export function encodeMessage(message: string): string {
  let out = "";
  for (const byte of Buffer.from(message.slice(0, MESSAGE_CHARACTERS_MAX))) {
    if (byte >= 0x20 && byte <= 0x7e && byte !== 0x25) out += String.fromCharCode(byte);
    else out += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

/** The inverse; a "%" that is no escape stands for itself, as the protocol asks. */
export function decodeMessage(encoded: string): string {
  if (!encoded.includes("%")) return encoded;
  const bytes: number[] = [];
  for (let at = 0; at < encoded.length; at++) {
    const hex = encoded.slice(at + 1, at + 3);
    if (encoded[at] === "%" && /^[0-9A-Fa-f]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      at += 2;
    } else bytes.push(encoded.charCodeAt(at) & 0xff);
  }
  return Buffer.from(bytes).toString();
}

export const TRAILERS_OK = hpackEncode([["grpc-status", "0"]]);

export function errorTrailers(error: unknown): readonly HeaderField[] {
  const status = ERROR_CODES[codeOf(error)].grpc;
  return [
    ["grpc-status", String(status)],
    ["grpc-message", encodeMessage(messageOf(error))],
  ];
}

/** HTTP statuses of something that is no gRPC server (gRPC's http-grpc-status-mapping). */
const HTTP_CODES: Readonly<Record<string, number>> = {
  "400": 13,
  "401": 16,
  "403": 7,
  "404": 12,
  "429": 14,
  "502": 14,
  "503": 14,
  "504": 14,
};

/** The error that trailers (or a response without a body) state; undefined for status 0. */
export function errorFromTrailers(fields: readonly HeaderField[]): SkiffError | undefined {
  let status: string | undefined;
  let http: string | undefined;
  let message = "";
  for (const [name, value] of fields) {
    if (name === "grpc-status") status = value;
    else if (name === "grpc-message") message = decodeMessage(value);
    else if (name === ":status") http = value;
  }
  if (status === "0") return undefined;
  if (status !== undefined) return new SkiffError(codeFromGrpc(Number(status)), message);
  if (http !== undefined && http !== "200") {
    return new SkiffError(codeFromGrpc(HTTP_CODES[http] ?? 2), `server answers HTTP status ${http}`);
  }
  return new SkiffError("internal", "response ends without grpc-status");
}
