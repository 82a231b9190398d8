import { expect, test } from "bun:test";
import fc from "fast-check";
import { formatIpv6, formatNetwork6, overlap6, parseCidr6, parseIpv6 } from "./ipv6.ts";

test("text and number", () => {
  for (const [text, shown] of [
    ["::", "::"],
    ["::1", "::1"],
    ["FD00:0:0:0:1::2", "fd00::1:0:0:2"],
    ["fd00:0:0:1:0:0:0:2", "fd00:0:0:1::2"],
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
    ["::ffff:10.1.2.3", "::ffff:a01:203"],
    ["fe80::", "fe80::"],
  ] as const)
    expect([text, formatIpv6(parseIpv6(text)!)]).toEqual([text, shown]);
  for (const text of ["", "1.2.3.4", "fe80::1%eth0", "1::2::3", "g::"])
    expect(parseIpv6(text)).toBeUndefined();
  expect(formatNetwork6(parseCidr6("fd00:1:2:3:4::5/48"))).toBe("fd00:1:2::/48");
  expect(overlap6(parseCidr6("fd00::/48"), parseCidr6("fd00:0:0:7::/64"))).toBe(true);
  expect(overlap6(parseCidr6("fd00::/48"), parseCidr6("fd00:0:1::/64"))).toBe(false);
  expect(() => parseCidr6("fd00::/129")).toThrow("invalid CIDR address");
});

test("every address is read as it was written", () => {
  const group = fc.oneof(fc.constant(0n), fc.bigInt(0n, 0xffffn));
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const value = groups.reduce((sum, one) => (sum << 16n) | one, 0n);
      expect(parseIpv6(formatIpv6(value))).toBe(value);
    }),
  );
});
