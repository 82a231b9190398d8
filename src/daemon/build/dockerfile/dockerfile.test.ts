/** The language: what the genuine parsers say of hard lines, and that nothing written there can do worse than be refused. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { isSkiffError } from "../../../lib/errors.ts";
import { expandWord, expandWords, rawWords } from "./expand.ts";
import { parseLines } from "./lines.ts";
import { parseDockerfile } from "./stages.ts";

test("continued lines, comments, directives", () => {
  const { lines, esc } = parseLines(
    "# syntax=x\n# escape=`\nFROM a\nRUN one `\n# no\n\n  two `  \n three\nCOPY \\ /",
  );
  expect(esc).toBe("`");
  expect(lines.map(({ original, number }) => [number, original])).toEqual([
    [3, "FROM a"],
    [4, "RUN one   two  three"],
    [9, "COPY \\ /"],
  ]);
  expect(parseLines("FROM a\n# escape=`\nRUN x").esc).toBe("\\");
  expect(parseLines("\ufeffFROM a\r\nRUN --x=y --z w\r\n").lines[1]).toMatchObject({
    flags: ["--x=y", "--z"],
    rest: "w",
  });
});

const VARIABLES = new Map([
  ["A", "x y"],
  ["E", ""],
]);

test.each([
  ["$A", "x y"],
  ["'$A'", "$A"],
  ['"$A\\"\\$A"', 'x y"$A'],
  ["${A}b${NO}", "x yb"],
  ["${NO:-${A}}", "x y"],
  ["${E:-d}${E-d}${E:+d}${E+d}", "dd"],
  ["\\$A a\\ b", "$A a b"],
  ["$", "$"],
  ["a'b'\"c\"", "abc"],
])("%s is %s", (text, value) => expect(expandWord(text, "\\", VARIABLES)).toBe(value));

test("words", () => {
  expect(expandWords("$A '$A' \"$A\"", "\\", VARIABLES)).toEqual(["x", "y", "$A", "x y"]);
  expect(rawWords("a='b c' d\\ e \"f g\"", "\\")).toEqual(["a='b c'", "d\\ e", '"f g"']);
  for (const bad of ["'", '"', "${", "${A", "${A:-", "${NO:?gone}", "${!}"])
    expect(() => expandWord(bad, "\\", VARIABLES)).toThrow("failed to process");
});

test("whatever is written is parsed or refused", () => {
  const piece = fc.constantFrom(
    ..."FROM RUN COPY ENV a =b \\ ` ' \" $ { } ${A:- [ ] , -- --from= # # escape=` \n \r\n".split(" "),
    " ",
    "\n",
    "FROM a\n",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const text = pieces.join("");
      for (const run of [() => parseDockerfile(text), () => expandWords(text, "\\", VARIABLES)]) {
        try {
          run();
        } catch (error) {
          if (!isSkiffError(error)) throw error;
          expect(error.code).toBe("invalid_argument");
        }
      }
    }),
    { numRuns: 500 },
  );
});
