import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { daemonOptions } from "./options.ts";
import { parseFlags } from "./parse.ts";
import { usage } from "./usage.ts";

const dir = mkdtempSync("/tmp/skiff-config-");
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const DOCKERD = Bun.which("dockerd");

/** What is refused before anything is started: dockerd's words, ours with its name. */
const REFUSED = [
  ["--no-such"],
  ["--no-such=1"],
  ["-Z"],
  ["-DZ"],
  ["--=x"],
  ["--data-root"],
  ["-H"],
  ["--mtu", "x"],
  ["--debug=maybe"],
  ["-D=maybe"],
  ["--add-runtime", "x"],
  ["--add-runtime", "=x"],
  ["--default-ulimit", "a"],
  ["--default-ulimit", "nofile=2:1"],
  ["--default-ulimit", "nofile=1:2:3"],
  ["--label", "x"],
  ["--dns", "x"],
  ["-H", "foo://"],
  ["-H", "tcp://a:b:c"],
  ["--registry-mirror", "foo"],
  ["--registry-mirror", "https://a/?q"],
  ["--default-shm-size", "zz"],
  ["--ip", "zz"],
];

function ours(argv: readonly string[]): string {
  try {
    daemonOptions(parseFlags(argv));
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

function theirs(argv: readonly string[]): string {
  const { stderr } = Bun.spawnSync([DOCKERD!, ...argv], { stdin: "ignore", stdout: "ignore" });
  return stderr
    .toString()
    .replace(/^Status: /, "")
    .replace(/\nSee 'dockerd --help'.*$/s, "")
    .trim();
}

describe.skipIf(DOCKERD === null)("refused in the words of dockerd", () => {
  test.each(REFUSED.map((argv) => [argv.join(" "), argv] as const))("%s", (_, argv) => {
    expect(ours(argv)).toBe(theirs(argv));
  });

  test("the configuration file", () => {
    const path = join(dir, "daemon.json");
    const same = (text: string, ...argv: string[]) => {
      writeFileSync(path, text);
      expect(ours(["--config-file", path, ...argv])).toBe(theirs(["--config-file", path, ...argv]));
    };
    same('{"labels":["a=b"],"mtu":1400,"debug":true}', "--label", "c=d", "--mtu", "9000", "-D");
    same('{"no-such":1}');
    same('{"hosts":["unix:///x"]}', "-H", "unix:///y", "-H", "unix:///z");
    expect(ours(["--config-file", join(dir, "none")])).toBe(theirs(["--config-file", join(dir, "none")]));
  });
});

test("flags in all their forms; the last one holds", () => {
  const given = parseFlags([
    "-Dldebug",
    "--mtu=1400",
    "--mtu",
    "1300",
    "-Htcp://a:1",
    "-H=tcp://b:2",
    "--init",
  ]);
  expect(given.get("debug")).toEqual(["true"]);
  expect(given.get("log-level")).toEqual(["debug"]);
  expect(given.get("mtu")).toEqual(["1300"]);
  expect(given.get("host")).toEqual(["tcp://a:1", "tcp://b:2"]);
  expect(given.get("init")).toEqual(["true"]);
});

test("options: defaults, and the file's", () => {
  const path = join(dir, "options.json");
  const file = {
    "data-root": "/d",
    runtimes: { crun: { path: "/usr/bin/crun" } },
    "default-runtime": "crun",
    "default-ulimits": { nofile: { Name: "nofile", Soft: 1, Hard: 2 } },
    "log-opts": { "max-size": "1m" },
    "insecure-registries": ["r:5000"],
    "default-shm-size": "128M",
  };
  writeFileSync(path, JSON.stringify(file));
  const options = daemonOptions(parseFlags(["--config-file", path, "--exec-root", "/e"]));
  expect(options.dataRoot).toBe("/d");
  expect(options.hosts).toEqual([{ kind: "unix", path: "/run/skiff/skiffd.sock" }]);
  expect(options.runtimes).toEqual({ crun: "/usr/bin/crun" });
  expect(options.ulimits).toEqual([{ Name: "nofile", Soft: 1, Hard: 2 }]);
  expect(options.log).toEqual({ Type: "json-file", Config: { "max-size": "1m" } });
  expect(options.shmSize).toBe(128 << 20);
  expect(ours(["--config-file", path, "--default-runtime", "runc"])).toContain(
    "from flag: runc, from file: crun",
  );
});

test("what skiffd does not do ends the start; what asks for the default does not", () => {
  expect(ours(["--userns-remap", "default"])).toBe("--userns-remap is not implemented by skiffd");
  expect(ours(["--icc=false"])).toBe("--icc is not implemented by skiffd");
  expect(ours(["--icc", "--iptables=true", "--userns-remap="])).toBe("");
});

test("any words are parsed or refused in words", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.constantFrom("-H", "--mtu", "--dns", "-D", "--"))),
      (words) => {
        try {
          parseFlags(words);
        } catch (error) {
          expect((error as { code?: string }).code).toBe("invalid_argument");
        }
      },
    ),
  );
});

test("help names every flag", () => {
  expect(usage()).toContain("-H,  --host list");
  expect(usage()).toContain("--insecure-registry list");
});
