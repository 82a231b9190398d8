import { expect, test } from "bun:test";
import fc from "fast-check";
import { codeOf } from "../../lib/errors.ts";
import { parseAddress } from "./address.ts";
import { parseLink } from "./link.ts";
import {
  attribute,
  concat,
  encodeMessage,
  nested,
  parseAttributes,
  parseList,
  parseMessages,
} from "./message.ts";
import { parseRoute } from "./route.ts";
import { errorOf } from "./socket.ts";

const bytes = fc.uint8Array({ maxLength: 200 });

test("what is encoded is parsed again", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 0x3fff }), bytes), { maxLength: 8 }), (pairs) => {
      const body = concat(pairs.map(([type, value]) => attribute(type, value)));
      const datagram = concat([1, 2].map((n) => encodeMessage({ type: 77, flags: 4, body }, n)));
      const messages = parseMessages(datagram);
      expect(messages.map(({ sequence }) => sequence)).toEqual([1, 2]);
      expect(parseList(messages[1]!.body)).toEqual(pairs.map(([, value]) => value));
      expect(parseAttributes(attribute(9, nested(3, body))).size).toBe(1);
    }),
  );
});

test("any bytes are parsed or refused with data_loss, never read beyond", () => {
  const refused = (call: () => unknown) => {
    try {
      call();
    } catch (error) {
      expect(codeOf(error)).toBe("data_loss");
    }
  };
  const head = fc.tuple(bytes, fc.constantFrom(16, 20, 24, 2, 77)).map(([body, type]) => ({
    ...{ body, type },
    ...{ flags: 0x200, sequence: 1 },
  }));
  fc.assert(
    fc.property(bytes, head, (datagram, message) => {
      for (const parse of [parseMessages, parseAttributes, parseList]) refused(() => parse(datagram));
      for (const parse of [parseLink, parseAddress, parseRoute]) refused(() => parse(message));
      refused(() => errorOf(message, "test"));
    }),
    { numRuns: 2000 },
  );
});

test("a length that is too short or too long is refused", () => {
  for (const broken of [
    [0, 0],
    [3, 0, 1, 0],
    [9, 0, 1, 0, 1, 2, 3, 4],
  ])
    expect(() => parseAttributes(Uint8Array.from(broken))).toThrow("length does not fit");
  const message = encodeMessage({ type: 1, flags: 0, body: new Uint8Array(4) }, 1);
  expect(() => parseMessages(message.subarray(0, 18))).toThrow("length does not fit");
});
