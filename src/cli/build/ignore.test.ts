import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isSkiffError } from "../../lib/errors.ts";
import { parseIgnore } from "./ignore.ts";

describe(".dockerignore", () => {
  test.each([
    ["*.md", "a.md", true],
    ["*.md", "sub/a.md", false],
    ["**/*.md", "a.md", true],
    ["**/*.md", "sub/deep/a.md", true],
    ["sub", "sub/deep/a.md", true],
    ["/sub/", "sub/a", true],
    ["sub/**", "sub", false],
    ["sub/**", "sub/a/b", true],
    ["a?c", "abc", true],
    ["a[a-c]c", "abc", true],
    ["a\\*c", "abc", false],
    ["a\\*c", "a*c", true],
    ["*\n!src", "src/a.ts", false],
    ["*\n!src\nsrc/*.md", "src/a.md", true],
    ["# no\n", "# no", false],
    ["./x/../y", "y", true],
  ])("%j leaves out %j: %p", (text, path, out) => expect(parseIgnore(text).ignore(path)).toBe(out));

  test("any text is read or refused", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), (text, path) => {
        try {
          return typeof parseIgnore(text).ignore(path) === "boolean";
        } catch (error) {
          return isSkiffError(error);
        }
      }),
    );
  });
});
