/** Every help text, held against the genuine docker's; and the ways of pflag to read flags. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { COMMANDS } from "../commands/table.ts";
import { UsageError } from "../errors.ts";
import { bool, int, list, text } from "../flag.ts";
import { parseFlags } from "./flags.ts";
import { commandHelp } from "./help.ts";
import { wrapText } from "./wrap.ts";

const dir = mkdtempSync("/tmp/skiff-help-");
let server: ReturnType<typeof Bun.serve>;
beforeAll(() => {
  const headers = { "Api-Version": "1.50", Ostype: "linux", "Docker-Experimental": "false" };
  server = Bun.serve({ unix: join(dir, "s.sock"), fetch: () => new Response("OK", { headers }) });
});
afterAll(async () => {
  await server.stop(true);
  rmSync(dir, { recursive: true });
});

/** Ours alone, and those of other systems. */
const OURS = /^ {6}--trace\b.*\n(?: {12,}.*\n)*/m;

/** Flags of swarm's, buildx's and containerd's own that are not there, or words about docker itself. */
const OTHERWISE =
  /^(?:.*\bbuild|images|image (?:ls|list)|volume (?:create|ls|list)|system df|context (?:create|use))$/;

describe("help", () => {
  const names = COMMANDS.flatMap(({ path, aliases = [] }) => [path, ...aliases]).filter(
    (name) => !OTHERWISE.test(name),
  );
  test.each(names)("%s", async (name) => {
    const entry = COMMANDS.find(({ path, aliases = [] }) => path === name || aliases.includes(name))!;
    const { command } = await entry.load();
    const child = Bun.spawn(
      ["docker", "--config", dir, "-H", `unix://${dir}/s.sock`, ...name.split(" "), "--help"],
      {
        ...{ stdin: "ignore", stdout: "pipe", stderr: "ignore" },
        env: { PATH: process.env["PATH"]!, HOME: process.env["HOME"] ?? "/root" },
      },
    );
    const genuine = (await child.stdout.text()).replace(/(^|[ \t]|, )docker (?=[a-z])/gm, "$1skiff ");
    const shown = name.includes(" ") ? entry.path : name;
    const ours = commandHelp(shown, [entry.path, ...(entry.aliases ?? [])], command).replace(OURS, "");
    expect(ours).toBe(genuine);
  });
});

const FLAGS = [
  bool("all", "", "a"),
  bool("quiet", "", "q", "true"),
  text("name", "", { short: "n" }),
  list("env", "", { short: "e" }),
  int("number", ""),
  { ...list("env-too", ""), sameAs: "env" },
];

describe("flags", () => {
  const parse = (line: string, stops = false) => parseFlags(FLAGS, line === "" ? [] : line.split(" "), stops);

  test("in all their forms", () => {
    const parsed = parse("-aq=false x -nfoo --env=a -e b --env-too c -ed -- --all", false);
    expect([
      parsed.words,
      parsed.bool("all"),
      parsed.bool("quiet"),
      parsed.text("name"),
      parsed.list("env"),
    ]).toEqual([["x", "--all"], true, false, "foo", ["a", "b", "c", "d"]]);
    expect(parse("run -a", true).words).toEqual(["run", "-a"]);
    expect([parse("").bool("quiet"), parse("").given("quiet"), parse("- -a").words]).toEqual([
      true,
      false,
      ["-"],
    ]);
    expect(parse("-n=").text("name")).toBe("=");
    expect(parse("-n=x").text("name")).toBe("x");
  });

  test.each([
    ["--nope", "unknown flag: --nope"],
    ["-aZq", "unknown shorthand flag: 'Z' in -Zq"],
    ["--name", "flag needs an argument: --name"],
    ["-an", "flag needs an argument: 'n' in -n"],
    ["--no-all", "unknown flag: --no-all"],
    [
      "--all=maybe",
      `invalid argument "maybe" for "-a, --all" flag: strconv.ParseBool: parsing "maybe": invalid syntax`,
    ],
    [
      "--number=1.5",
      `invalid argument "1.5" for "--number" flag: strconv.ParseInt: parsing "1.5": invalid syntax`,
    ],
    ["--=x", "bad flag syntax: --=x"],
    ["---x", "bad flag syntax: ---x"],
  ])("%s is refused", (line, message) => {
    expect(() => parse(line)).toThrow(new UsageError(message));
  });

  test("any words parse or are refused in words", () => {
    const word = fc.oneof(
      fc.constantFrom("-a", "-n", "-e", "--env", "--all", "--", "-", "--name=x", "-q=0"),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(word), fc.boolean(), (argv, stops) => {
        try {
          const { words } = parseFlags(FLAGS, argv, stops);
          // What is a word keeps its place.
          let at = -1;
          for (const one of words) at = argv.indexOf(one, at + 1);
          expect(words.length === 0 || at >= 0).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }),
    );
  });

  test("wrapped text loses nothing and fits", () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 }),
        fc.integer({ min: 0, max: 40 }),
        (words, indent) => {
          const wrapped = wrapText(words.join(" "), indent, 79);
          expect(wrapped.split(/\s+/)).toEqual(words);
          for (const line of wrapped.split("\n")) expect(line.length).toBeLessThanOrEqual(79);
        },
      ),
    );
  });
});
