import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { codeOf, ERROR_CODES, type ErrorCode, SkiffError } from "../../lib/errors.ts";
import { MESSAGE_BYTES_MAX, MessageReader, messagePrefix } from "./messages.ts";
import { decodeMessage, encodeMessage, errorFromTrailers, errorTrailers } from "./status.ts";
import { formatTimeout, parseTimeout } from "./timeout.ts";

/** `bytes` cut at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...sorted].map((from, index) => bytes.subarray(from, sorted[index] ?? bytes.length));
}

describe("messages", () => {
  test("are put together however they were cut", () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
    fc.assert(
      fc.property(messages, fc.array(fc.nat(), { maxLength: 12 }), (sent, places) => {
        const bytes = Buffer.concat(sent.flatMap((message) => [messagePrefix(message.length), message]));
        const reader = new MessageReader();
        const read: Uint8Array[] = [];
        for (const part of cut(bytes, places)) reader.push(part, (message) => read.push(message));
        expect(read.map((message) => Buffer.from(message).toString("hex"))).toEqual(
          sent.map((message) => Buffer.from(message).toString("hex")),
        );
        expect(reader.atBoundary).toBe(true);
      }),
    );
  });

  test("over the limit or compressed are refused by their prefix alone", () => {
    const length = MESSAGE_BYTES_MAX + 1;
    const prefix = Uint8Array.of(0, length >>> 24, length >>> 16, length >>> 8, length);
    expect(() => new MessageReader().push(prefix, () => {})).toThrow("at most");
    expect(() => new MessageReader().push(Uint8Array.of(1, 0, 0, 0, 0), () => {})).toThrow("compressed");
  });
});

describe("status", () => {
  test("every code crosses the wire; the two of HTTP become their gRPC number's", () => {
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
      const back = errorFromTrailers(errorTrailers(new SkiffError(code, "what: why")));
      expect(ERROR_CODES[codeOf(back)].grpc).toBe(ERROR_CODES[code].grpc);
      expect(back?.message).toBe("what: why");
    }
  });

  test("any text survives grpc-message, which is printable ASCII", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (text) => {
        const encoded = encodeMessage(text);
        expect(encoded).toMatch(/^[\x20-\x7e]*$/);
        expect(decodeMessage(encoded)).toBe(text);
      }),
    );
  });

  test("a stray percent sign stands for itself", () => {
    expect(decodeMessage("100% of %zz")).toBe("100% of %zz");
  });

  test("an answer that is not gRPC's is an error all the same", () => {
    expect(codeOf(errorFromTrailers([[":status", "404"]]))).toBe("unimplemented");
    expect(codeOf(errorFromTrailers([]))).toBe("internal");
  });
});

test("timeouts keep their magnitude within eight digits", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.001, max: 1e11, noNaN: true }), (ms) => {
      const header = formatTimeout(ms);
      expect(header).toMatch(/^\d{1,8}[mSH]$/);
      expect(parseTimeout(header)).toBeGreaterThanOrEqual(ms);
    }),
  );
  expect(() => parseTimeout("123456789m")).toThrow("malformed");
});
