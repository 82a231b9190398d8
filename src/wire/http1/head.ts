/**
 * Heads of requests and responses, parsed strictly (RFC 9112). Whatever two readers could understand differently is refused: smuggling lives
 * from leniency. Refused are bare CR and LF, folded header lines, white space before the colon, control characters, `Transfer-Encoding` beside
 * `Content-Length`, any transfer coding but `chunked`, lengths that are not plain digits or that disagree.
 */
import { SkiffError } from "../../lib/errors.ts";
import { LIMITS } from "./limits.ts";

/** Names in lower case; fields that came twice are joined by ", ". */
export type Headers = ReadonlyMap<string, string>;

/** How a body is delimited. */
export type BodyLength =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  /** A response's: as long as the connection. */
  | { readonly kind: "close" };

export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly minor: 0 | 1;
  readonly headers: Headers;
  readonly body: BodyLength;
}

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly minor: 0 | 1;
  readonly headers: Headers;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;
const HTTP_VERSION = /^HTTP\/1\.([01])$/;
const DIGITS = /^[0-9]{1,15}$/;
/** Their values must not be joined: a second one is an attack. */
const SINGLE = new Set(["content-length", "transfer-encoding", "host"]);

export function bad(why: string): SkiffError {
  return new SkiffError("invalid_argument", `Bad Request: ${why}`);
}

/** Index behind the empty line that ends a head, or -1. Searches from `from`. */
export function endOfHead(bytes: Buffer, from: number): number {
  const at = bytes.indexOf("\r\n\r\n", Math.max(0, from - 3), "latin1");
  return at < 0 ? -1 : at + 4;
}

function parseFields(lines: readonly string[]): Headers {
  if (lines.length > LIMITS.headers) throw bad("too many header fields");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, "");
    if (colon < 1 || !TOKEN.test(name) || !VALUE.test(value)) throw bad("malformed header field");
    const before = headers.get(name);
    if (before !== undefined && SINGLE.has(name)) throw bad(`more than one ${name} field`);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

function linesOf(head: Buffer): string[] {
  const text = head.toString("latin1", 0, head.length - 4);
  const lines = text.split("\r\n");
  if (lines.some((line) => line.includes("\n") || line.includes("\r"))) throw bad("bare CR or LF");
  return lines;
}

function lengthOf(headers: Headers): BodyLength | undefined {
  const length = headers.get("content-length");
  const coding = headers.get("transfer-encoding");
  if (coding !== undefined) {
    if (length !== undefined) throw bad("both Transfer-Encoding and Content-Length");
    if (coding.toLowerCase() !== "chunked") throw bad("unsupported transfer encoding");
    return { kind: "chunked" };
  }
  if (length === undefined) return undefined;
  if (!DIGITS.test(length)) throw bad("malformed Content-Length");
  return { kind: "length", bytes: Number(length) };
}

/** @param head with the empty line at its end. @throws invalid_argument */
export function parseRequestHead(head: Buffer): RequestHead {
  const [first = "", ...rest] = linesOf(head);
  const words = first.split(" ");
  const [method = "", target = "", protocol = ""] = words;
  const version = HTTP_VERSION.exec(protocol);
  if (words.length !== 3 || !TOKEN.test(method) || !TARGET.test(target) || version === null)
    throw bad("malformed request line");
  if (target.length > LIMITS.targetBytes) throw bad("request target too long");
  const minor = version[1] === "1" ? 1 : 0;
  const headers = parseFields(rest);
  if (minor === 0 && headers.has("transfer-encoding")) throw bad("Transfer-Encoding in HTTP/1.0");
  if (minor === 1 && !headers.has("host")) throw bad("missing required Host header");
  return { method, target, minor, headers, body: lengthOf(headers) ?? { kind: "none" } };
}

export function parseResponseHead(head: Buffer): ResponseHead {
  const [first = "", ...rest] = linesOf(head);
  const match = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: (.*))?$/.exec(first);
  if (match === null) throw bad("malformed status line");
  const minor = match[1] === "1" ? 1 : 0;
  return { status: Number(match[2]), reason: match[3] ?? "", minor, headers: parseFields(rest) };
}

/** RFC 9112, section 6.3. */
export function responseBody(head: ResponseHead, method: string): BodyLength {
  if (method === "HEAD" || head.status === 204 || head.status === 304 || head.status < 200)
    return { kind: "none" };
  return lengthOf(head.headers) ?? { kind: "close" };
}

/** Whether a comma-separated header field names this token, in any case. */
export function hasToken(value: string | undefined, token: string): boolean {
  return (value ?? "").split(",").some((part) => part.trim().toLowerCase() === token);
}
