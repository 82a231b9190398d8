import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { compileTemplate } from "./execute.ts";
import { TemplateError } from "./nodes.ts";

const DATA = { Name: "web", Labels: { a: "1", b: "2" }, Cmd: ["sh", "-c"], Size: 12, On: true, Null: null };

describe("templates", () => {
  test.each([
    ["{{.Name}}", "web"],
    ["{{ .Name | upper }}", "WEB"],
    ["{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "a=1;b=2;"],
    ["{{range .Cmd}}<{{.}}>{{end}}", "<sh><-c>"],
    ["{{range .None}}{{else}}none{{end}}", "none"],
    ["{{if and .On (gt .Size 10)}}big{{else if .On}}on{{else}}off{{end}}", "big"],
    ["{{with .Null}}x{{else}}nothing{{end}}", "nothing"],
    ["a  {{- .Name -}}  b", "awebb"],
    ['{{$x := 1}}{{if .On}}{{$x = 2}}{{end}}{{printf "%03d" $x}}', "002"],
    ['{{range .Cmd}}{{if eq . "-c"}}{{break}}{{end}}{{.}}{{end}}', "sh"],
    ['{{index .Labels "a"}}{{index .Labels "no"}}{{index .Cmd 1}}', "1-c"],
    ["{{json .}}", JSON.stringify(DATA)],
    ["{{.Labels}} {{.Cmd}} {{.Null}}", "map[a:1 b:2] [sh -c] <nil>"],
    ["{{/* nothing */}}{{`raw`}}{{'a'}}", "raw97"],
    ['{{len .Name}} {{slice .Name 1}} {{join .Cmd " "}}', "3 eb sh -c"],
  ])("%s", (source, wanted) => {
    const missing = (_: string, name: string) => (name === "None" ? { value: undefined } : undefined);
    expect(compileTemplate(source, { missing })(DATA)).toBe(wanted);
  });

  test.each([
    ["{{.Foo}}", 'template: :1:2: executing "" at <.Foo>: map has no entry for key "Foo"'],
    [
      "\n {{.Name.Foo}}",
      'template: :2:8: executing "" at <.Name.Foo>: can\'t evaluate field Foo in type interface {}',
    ],
    ["{{.Foo", "template: :1: unclosed action"],
    ["{{nope}}", 'template: :1: function "nope" not defined'],
    ["{{$y}}", 'template: :1: undefined variable "$y"'],
    ["{{if .On}}{{$z := 1}}{{end}}{{$z}}", 'template: :1: undefined variable "$z"'],
    ["{{if .On}}", "template: :1: unexpected EOF"],
    ["{{end}}", "template: :1: unexpected {{end}}"],
    [
      "{{index .Cmd 7}}",
      'template: :1:2: executing "" at <index .Cmd 7>: error calling index: index out of range: 7',
    ],
  ])("%j is refused", (source, message) => {
    expect(() => compileTemplate(source)(DATA)).toThrow(message);
  });

  test("any text compiles or is refused, and what compiles prints or is refused", () => {
    const word = fc.constantFrom(
      ...[
        "{{",
        "}}",
        "{{-",
        "-}}",
        "if",
        "range",
        "with",
        "end",
        "else",
        ".",
        ".Name",
        ".Cmd",
        "$x",
        ":=",
        "=",
        "|",
      ],
      ...[
        "(",
        ")",
        '"a"',
        "`b`",
        "1",
        "len",
        "index",
        "json",
        "printf",
        " ",
        "break",
        "continue",
        ",",
        "/*",
        "*/",
        "\\",
      ],
    );
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(word, { maxLength: 30 }).map((words) => words.join(" ")),
      fc.array(word, { maxLength: 30 }).map((words) => words.join("")),
    );
    fc.assert(
      fc.property(text, (source) => {
        try {
          return typeof compileTemplate(source)(DATA) === "string";
        } catch (error) {
          if (error instanceof TemplateError) return true;
          throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe("types of arguments are Go's", () => {
  test.each([
    ["{{upper .n}}", ':1:8: executing "" at <.n>: wrong type for value; expected string; got int'],
    ["{{lower 3}}", ':1:8: executing "" at <3>: expected string; found 3'],
    ['{{"" | join ","}}', ':1:12: executing "" at <",">: can\'t handle "," for arg of type []string'],
    ["{{truncate nil 2}}", ':1:11: executing "" at <nil>: cannot assign nil to string'],
    [
      "{{.m | title}}",
      ':1:7: executing "" at <title>: wrong type for value; expected string; got map[string]interface {}',
    ],
    ["{{slice .s 2 9}}", ':1:2: executing "" at <slice .s 2 9>: error calling slice: index out of range: 9'],
    [
      "{{range $i, $e := 3}}{{end}}",
      ':1:18: executing "" at <3>: can\'t use 3 to iterate over more than one variable',
    ],
    ["{{lt .m 1}}", ':1:2: executing "" at <lt .m 1>: error calling lt: invalid type for comparison'],
    ["{{eq 1}}", ':1:2: executing "" at <eq 1>: error calling eq: missing argument for comparison'],
    [
      "{{index .m 1}}",
      ':1:2: executing "" at <index .m 1>: error calling index: value has type int; should be string',
    ],
  ])("%s", (source, message) => {
    const template = compileTemplate(source);
    expect(() => template({ n: 3, m: { a: 1 }, s: "abc" })).toThrow(`template: ${message}`);
  });

  test("a number is counted to", () => expect(compileTemplate("{{range 3}}{{.}}{{end}}")({})).toBe("012"));
});
