import { expect, test } from "bun:test";
import fc from "fast-check";
import { resolveUser } from "./user.ts";

const FILES = {
  passwd:
    "root:x:0:0:root:/root:/bin/sh\nplain:x:1000:1000::/home/plain:/bin/sh\n4294967296:x:0:0::/:/bin/sh\n",
  group: "root:x:0:\nplain:x:1000:\nextra:x:2000:other,plain\n99999999999:x:0:\n",
};

test.each([
  ["", 0, 0, [0]],
  ["plain", 1000, 1000, [1000, 2000]],
  ["1000", 1000, 1000, [1000, 2000]],
  ["plain:extra", 1000, 2000, [2000]],
  ["12:34", 12, 34, [34]],
  ["12", 12, 0, [0]],
  [":extra", 0, 2000, [2000]],
] as const)("user %p", (asked, uid, gid, additionalGids) => {
  expect(resolveUser(asked, FILES, [])).toMatchObject({ uid, gid, additionalGids });
});

test("--group-add by name and number", () => {
  expect(resolveUser("plain", FILES, ["77", "extra", "root"]).additionalGids).toEqual([1000, 2000, 77, 0]);
});

test("unknown names are Docker's errors", () => {
  expect(() => resolveUser("nobody-here", FILES, [])).toThrow(
    "unable to find user nobody-here: no matching entries in passwd file",
  );
  expect(() => resolveUser("root:nogroup", FILES, [])).toThrow(
    "unable to find group nogroup: no matching entries in group file",
  );
});

test.each(["4294967296", "2147483648", "99999999999", "-1", "0:99999999999", "9".repeat(400)])(
  "%s is no user, whatever the passwd file says (CVE-2024-40635, CVE-2026-46680)",
  (asked) => {
    expect(() => resolveUser(asked, FILES, [])).toThrow("uids and gids must be in range 0-2147483647");
  },
);

test("a home with a newline is none (CVE-2022-4318)", () => {
  const passwd = "a:x:1:1::/home/\x01x:/bin/sh\nb:x:2:2::relative:/bin/sh\n";
  expect(resolveUser("a", { passwd, group: "" }, []).home).toBe("/");
  expect(resolveUser("b", { passwd, group: "" }, []).home).toBe("/");
});

test("any files and any user: ids in range or an error", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (asked, passwd, group) => {
      try {
        const { uid, gid, additionalGids } = resolveUser(asked, { passwd, group }, []);
        for (const id of [uid, gid, ...additionalGids])
          expect(Number.isInteger(id) && id >= 0 && id < 2 ** 31).toBe(true);
      } catch (error) {
        expect((error as Error).name).toBe("SkiffError");
      }
    }),
  );
});
