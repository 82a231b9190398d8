import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isDigest, parseDigest, sha256Of } from "./digest.ts";

describe("digest", () => {
  test("parts of a good one", () => {
    const hex = "ab".repeat(32);
    expect(parseDigest(`sha256:${hex}`)).toEqual({ algorithm: "sha256", hex });
    expect(isDigest(`sha512:${"0".repeat(128)}`)).toBe(true);
  });

  test.each([
    ["", "invalid checksum digest format"],
    ["sha256:../../etc/passwd", "invalid checksum digest format"],
    [`sha256:${"A".repeat(64)}`, "invalid checksum digest format"],
    [`sha256:${"a".repeat(63)}`, "invalid checksum digest length"],
    [`md5:${"a".repeat(32)}`, "unsupported digest algorithm"],
    [`constructor:${"a".repeat(64)}`, "unsupported digest algorithm"],
    [`sha256:${"a".repeat(64)}\n`, "invalid checksum digest format"],
  ])("%p is refused", (text, message) => {
    expect(() => parseDigest(text)).toThrow(message);
  });

  test("what passes is safe in a path", () => {
    fc.assert(fc.property(fc.string(), (text) => !isDigest(text) || /^[a-z0-9]+:[a-f0-9]+$/.test(text)));
    fc.assert(fc.property(fc.uint8Array(), (bytes) => isDigest(sha256Of(bytes))));
  });
});
