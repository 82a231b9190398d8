import { expect, test } from "bun:test";
import { makeName, parseName } from "./names.ts";

test("Docker's rule for names", () => {
  expect(parseName("/web-1.a_b")).toBe("web-1.a_b");
  for (const bad of ["a", "-a", "a b", "", "../x", "a/b", "ä1"])
    expect(() => parseName(bad)).toThrow(
      `Invalid container name (${bad}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
});

test("a name is made that is free, however many are taken", () => {
  const taken = new Set<string>();
  for (let count = 0; count < 20_000; count += 1) {
    const name = makeName((word) => taken.has(word));
    expect(taken.has(name)).toBe(false);
    expect(parseName(name)).toBe(name);
    taken.add(name);
  }
});
