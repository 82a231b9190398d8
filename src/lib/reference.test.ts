import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import fc from "fast-check";
import { canonicalString, familiarString, parseReference, withDefaultTag } from "./reference.ts";

const HEX = "0123456789abcdef".repeat(4);

describe("reference", () => {
  test.each([
    ["busybox", "docker.io/library/busybox:latest"],
    ["busybox:1.36", "docker.io/library/busybox:1.36"],
    ["user/image", "docker.io/user/image:latest"],
    ["index.docker.io/busybox", "docker.io/library/busybox:latest"],
    ["docker.io/library/busybox", "docker.io/library/busybox:latest"],
    ["localhost/image", "localhost/image:latest"],
    ["localhost:5000/a/b/c:t", "localhost:5000/a/b/c:t"],
    ["[::1]:5000/a", "[::1]:5000/a:latest"],
    ["UPPER/image", "UPPER/image:latest"],
    [`quay.io/x/y@sha256:${HEX}`, `quay.io/x/y@sha256:${HEX}`],
    [`quay.io/x/y:t@sha256:${HEX}`, `quay.io/x/y:t@sha256:${HEX}`],
    ["a__b/c---d.e_f", "docker.io/a__b/c---d.e_f:latest"],
  ])("%s is %s", (text, canonical) => {
    expect(canonicalString(withDefaultTag(parseReference(text)))).toBe(canonical);
  });

  const BAD: [string, string][] = [
    ["", "invalid reference format"],
    ["Busybox", "invalid reference format: repository name (library/Busybox) must be lowercase"],
    ["quay.io/Foo/bar", "invalid reference format: repository name (Foo/bar) must be lowercase"],
    ["a/../b", "invalid reference format"],
    ["-a", "invalid reference format"],
    ["a:", "invalid reference format"],
    ["a:b:c", "invalid reference format"],
    ["https://x/y", "invalid reference format"],
    ["a@sha256:abc", "invalid reference format"],
    [`a@sha256:${"a".repeat(40)}`, "invalid checksum digest length"],
    [`x/${"a".repeat(256)}`, "repository name must not be more than 255 characters"],
    [HEX, `invalid repository name (${HEX}), cannot specify 64-byte hexadecimal strings`],
  ];
  test.each(BAD)("%p is refused", (text, message) => {
    expect(() => parseReference(text)).toThrow(message);
  });

  test.skipIf(!existsSync("/usr/local/bin/docker"))("docker's command line says the same", () => {
    for (const [text, message] of BAD) {
      if (text.startsWith("-") || text === "" || text === HEX) continue;
      const { stderr } = Bun.spawnSync(["/usr/local/bin/docker", "-H", "unix:///nowhere", "pull", text]);
      expect(stderr.toString()).toContain(message);
    }
  });

  test("a familiar name reads back as itself", () => {
    // Without dots: `docker.io/a.b/c` is familiarly `a.b/c`, in docker too, and that reads as a host.
    const part = fc
      .stringMatching(/^[a-z0-9]{1,8}(?:[_-][a-z0-9]{1,8}){0,2}$/)
      .filter((text) => text !== "localhost");
    const domain = fc.constantFrom("docker.io", "localhost", "quay.io", "127.0.0.1:5000");
    const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/);
    fc.assert(
      fc.property(domain, fc.array(part, { minLength: 1, maxLength: 3 }), tag, (host, parts, tag) => {
        const reference = parseReference(`${host}/${parts.join("/")}:${tag}`);
        expect(parseReference(canonicalString(reference))).toEqual(reference);
        expect(parseReference(familiarString(reference))).toEqual(reference);
      }),
    );
  });

  test("any text is answered, quickly", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000 }), (text) => {
        try {
          const again = canonicalString(parseReference(text));
          return canonicalString(parseReference(again)) === again;
        } catch {
          return true;
        }
      }),
    );
    expect(() => parseReference(`${"a-".repeat(500)}!`)).toThrow("invalid reference format");
  });
});
