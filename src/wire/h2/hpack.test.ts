import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isSkiffError } from "../../lib/errors.ts";
import { HpackDecoder, hpackEncode } from "./hpack.ts";
import { huffmanDecode, huffmanLengths } from "./huffman.ts";

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replace(/\s/g, ""), "hex"));

describe("huffman", () => {
  test("the code is complete", () => {
    const sum = huffmanLengths().reduce((total, length) => total + 2 ** -length, 0);
    expect(sum).toBe(1);
  });

  test("RFC 7541, C.4 and C.6", () => {
    expect(huffmanDecode(hex("f1e3 c2e5 f23a 6ba0 ab90 f4ff"))).toBe("www.example.com");
    expect(huffmanDecode(hex("9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3"))).toBe("https://www.example.com");
  });

  test("wrong padding and the end-of-string word are refused", () => {
    expect(() => huffmanDecode(hex("f1e3 c2e5 f23a 6ba0 ab90 f400"))).toThrow("padding");
    expect(() => huffmanDecode(hex("ffff ffff"))).toThrow();
  });
});

describe("decoder", () => {
  test("RFC 7541, C.4: three requests share a dynamic table", () => {
    const decoder = new HpackDecoder();
    const first = decoder.decode(hex("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"));
    expect(first.at(-1)).toEqual([":authority", "www.example.com"]);
    const second = decoder.decode(hex("8286 84be 5886 a8eb 1064 9cbf"));
    expect(second.slice(3)).toEqual([
      [":authority", "www.example.com"],
      ["cache-control", "no-cache"],
    ]);
    const third = decoder.decode(hex("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"));
    expect(third.at(-1)).toEqual(["custom-key", "custom-value"]);
  });

  test("a field that fell out of the table is no longer known", () => {
    const decoder = new HpackDecoder();
    decoder.decode(hex("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"));
    expect(decoder.decode(hex("20 82"))).toEqual([[":method", "GET"]]);
    expect(() => decoder.decode(hex("be"))).toThrow("no field 62");
  });

  test("a list over the limit is refused although each block is small", () => {
    const decoder = new HpackDecoder();
    const value = "x".repeat(3000);
    const add = [0x40, 1, 0x61, 0x7f, ...[0xb9, 0x16], ...Buffer.from(value)];
    decoder.decode(Uint8Array.from(add));
    expect(() => decoder.decode(new Uint8Array(100).fill(0xbe))).toThrow("header list too long");
  });

  test("what the encoder writes is read back", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
    const value = fc.stringMatching(/^[\x20-\x7e]{0,300}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 20 }), (fields) => {
        expect(new HpackDecoder().decode(hpackEncode(fields))).toEqual(fields);
      }),
    );
  });

  test("arbitrary bytes give fields or a SkiffError", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (blocks) => {
        const decoder = new HpackDecoder();
        try {
          for (const block of blocks) decoder.decode(block);
        } catch (error) {
          expect(isSkiffError(error)).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
