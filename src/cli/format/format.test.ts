import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { escapedJson, indentJson } from "./json.ts";
import { naturalOrder } from "./natural.ts";
import { alignColumns, renderListing } from "./table.ts";
import { binarySize, humanDuration, humanSize, parseBytes, parseDuration } from "./units.ts";
import { ellipsis, goTime, goTimeOf, shortId } from "./words.ts";

describe("units", () => {
  test.each([
    [0, "0B"],
    [999, "999B"],
    [1000, "1kB"],
    [1536, "1.536kB"],
    [4_179_250, "4.179MB"],
    [25_276_502_016, "25.28GB"],
  ])("%d bytes", (bytes, text) => expect(humanSize(bytes)).toBe(text));

  test("three digits, and binary units", () => {
    expect(humanSize(4_179_250, 3)).toBe("4.18MB");
    expect(humanSize(12_288, 3)).toBe("12.3kB");
    expect(binarySize(25_276_502_016)).toBe("23.54GiB");
  });

  test.each([
    [0, "Less than a second"],
    [1_500, "1 second"],
    [59_000, "59 seconds"],
    [60_000, "About a minute"],
    [3_600_000, "About an hour"],
    [47 * 3_600_000, "47 hours"],
    [72 * 3_600_000, "3 days"],
    [20 * 86_400_000, "2 weeks"],
    [100 * 86_400_000, "3 months"],
    [800 * 86_400_000, "2 years"],
  ])("%d ms", (ms, text) => expect(humanDuration(ms)).toBe(text));

  test("sizes and durations are read", () => {
    expect(["64m", "1.5g", "1024", "1KiB", "x", "-1"].map(parseBytes)).toEqual([
      ...[67_108_864, 1_610_612_736, 1024, 1024, undefined, undefined],
    ]);
    expect(["1m30s", "1.5h", "0", "5", "-1s"].map(parseDuration)).toEqual([90e9, 5400e9, 0, undefined, -1e9]);
  });
});

describe("tables", () => {
  const titles = { ID: "IMAGE ID", Name: "NAME" };
  const rows = [
    { ID: "a<b", Name: "one" },
    { ID: "c", Name: "a much longer one" },
  ];
  const render = (format: string) => renderListing({ titles, format, type: "*x", rows });

  test("columns are aligned, ten wide at least", () => {
    expect(alignColumns(["A\tB", "aaaaaaaaaaaaa\tb"])).toBe("A               B\naaaaaaaaaaaaa   b\n");
    expect(render("table {{.ID}}\\t{{.Name}}")).toBe(
      "IMAGE ID   NAME\na<b        one\nc          a much longer one\n",
    );
  });

  test("JSON is safe in HTML, templates are as they are", () => {
    expect(render("json").split("\n")[0]).toBe('{"ID":"a\\u003cb","Name":"one"}');
    expect(render("{{json .ID}}").split("\n")[0]).toBe('"a<b"');
    expect(render("table {{upper .Name}}").split("\n")[0]).toBe("NAME");
  });

  test("what is no field is refused in docker's words", () => {
    expect(() => render("{{.No}}")).toThrow(
      'template parsing error: template: :1:2: executing "" at <.No>: can\'t evaluate field No in type *x',
    );
    expect(() => render("{{.No")).toThrow("template parsing error: template: :1: unclosed action");
  });
});

describe("JSON", () => {
  test("is indented without being read", () => {
    expect(indentJson('{"a":[],"b":{ },"n":12345678901234567890,"s":"x\\u003c\\" {"}')).toBe(
      '{\n    "a": [],\n    "b": {},\n    "n": 12345678901234567890,\n    "s": "x\\u003c\\" {"\n}',
    );
  });

  test("as JSON.stringify would", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(indentJson(JSON.stringify(value))).toBe(JSON.stringify(value, undefined, 4));
      }),
    );
  });

  test("escapes", () => expect(escapedJson({ a: "<&>\u2028" })).toBe('{"a":"\\u003c\\u0026\\u003e\\u2028"}'));
});

describe("words", () => {
  test("names in the order people expect", () => {
    expect(["a10", "b", "a2", "a", "a02"].sort(naturalOrder)).toEqual(["a", "a2", "a02", "a10", "b"]);
  });

  test("the order is one", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(Math.sign(naturalOrder(a, b)) + Math.sign(naturalOrder(b, a))).toBe(0);
      }),
    );
  });

  test("short ids, cut texts, times", () => {
    expect(shortId("sha256:0123456789abcdef")).toBe("0123456789ab");
    expect(ellipsis("a long text", 6)).toBe("a lon…");
    expect(goTimeOf("2026-11-25T06:43:17.670300000Z")).toBe("2026-11-25 06:43:17.6703 +0000 UTC");
    expect(goTime(Date.UTC(2026, 10, 25))).toMatch(/^2026-11-2\d \d\d:\d\d:00 [+-]\d{4} \S+$/);
  });
});
