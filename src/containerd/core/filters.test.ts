import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { codeOf } from "../../lib/errors.ts";
import { mapField, parseFilters } from "./filters.ts";

const image = { name: "docker.io/library/busybox:1", labels: { "a.b/c": "yes", plain: "x,y", empty: "" } };

function matches(...filters: string[]): boolean {
  return parseFilters(filters)(([field, ...rest]) => {
    if (field === "name") return image.name;
    if (field === "labels") return mapField(image.labels, rest);
    return undefined;
  });
}

describe("filters", () => {
  test("compare, negate, search, ask for presence", () => {
    expect(matches()).toBe(true);
    expect(matches("")).toBe(true);
    expect(matches("name==docker.io/library/busybox:1")).toBe(true);
    expect(matches("name!=docker.io/library/busybox:1")).toBe(false);
    expect(matches("name~=busy.*:1$")).toBe(true);
    expect(matches("labels.plain")).toBe(true);
    expect(matches("labels.none")).toBe(false);
    expect(matches("labels.none!=x")).toBe(true);
    expect(matches("labels.none==x")).toBe(false);
  });

  test("a key with dots, quoted or not, and a value with a comma", () => {
    expect(matches('labels."a.b/c"==yes')).toBe(true);
    expect(matches('labels.plain=="x,y"')).toBe(true);
    expect(matches("labels.plain=='x,y'")).toBe(true);
  });

  test("selectors of one filter all hold, of several filters one", () => {
    expect(matches("name~=busybox,labels.none")).toBe(false);
    expect(matches("name~=busybox, labels.empty")).toBe(true);
    expect(matches("labels.none", "name~=busybox")).toBe(true);
  });

  test("dockerd's own", () => {
    const filter = parseFilters(["namespace==moby,topic~=|^/tasks/|"]);
    const event = (namespace: string, topic: string) =>
      filter(([field]) => (field === "namespace" ? namespace : field === "topic" ? topic : undefined));
    expect([
      event("moby", "/tasks/exit"),
      event("moby", "/images/tasks/"),
      event("x", "/tasks/exit"),
    ]).toEqual([true, false, false]);
  });

  test("what cannot be read is refused, with the place", () => {
    for (const bad of ["name=", "==x", "name==", "name==x,", 'name=="x', "name~=(", "a..b", "name==a b"]) {
      expect(() => parseFilters([bad])).toThrow("filters:");
    }
  });

  test("any text is a filter or invalid_argument", () => {
    const piece = fc.constantFrom(
      "a",
      "labels",
      ".",
      "==",
      "~=",
      "!=",
      ",",
      '"',
      "|",
      "/",
      "\\",
      " ",
      "x1",
      "(",
      "é",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        try {
          parseFilters([pieces.join("")])(() => undefined);
        } catch (error) {
          expect(codeOf(error)).toBe("invalid_argument");
        }
      }),
      { numRuns: 2000 },
    );
  });
});
