/** Names go through strings and come out as the same bytes. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeName, encodeName } from "./bytes.ts";

test("any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect(encodeName(decodeName(bytes)).equals(bytes)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test("any proper text, as everybody writes it", () => {
  const text = fc.string({ unit: "binary", maxLength: 60 }).filter((value) => value.isWellFormed());
  fc.assert(
    fc.property(text, (value) => {
      expect(encodeName(value).equals(Buffer.from(value))).toBe(true);
      expect(decodeName(Buffer.from(value))).toBe(value);
    }),
  );
});

test("Latin-1 among other things", () => {
  expect(decodeName(Buffer.from([0x61, 0xe9, 0x62]))).toBe("a\udce9b");
  expect([...encodeName("\u{1f600}\udcc0x")]).toEqual([0xf0, 0x9f, 0x98, 0x80, 0xc0, 0x78]);
});
