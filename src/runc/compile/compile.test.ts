/** Plans are pure functions of spec and facts: compared line by line, without root. `GOLDEN=write` renews the files after a look. */
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Spec } from "../../contracts/oci/spec.ts";
import { parseHierarchies, placeCgroups } from "../cgroups/hierarchies.ts";
import type { Facts } from "../facts.ts";
import { printPlan } from "../plan/print.ts";
import { compileSeccomp } from "../seccomp/compile.ts";
import { defaultSpec } from "../spec/default.ts";
import { compile } from "./compile.ts";
import { parseMountOptions } from "./flags.ts";
import { compileEnvironment } from "./process.ts";

const V1 = `31 30 0:27 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices`;
const V2 = "31 30 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw";

function facts(mountinfo: string, change: Partial<Facts> = {}): Facts {
  const files: Readonly<Record<string, string>> = {
    "/sys/fs/cgroup/cpuset/cpuset.cpus": "0-1\n",
    "/sys/fs/cgroup/cpuset/cpuset.mems": "0\n",
    "/sys/fs/cgroup/cgroup.controllers": "cpu memory pids\n",
    "/sys/fs/cgroup/cgroup.subtree_control": "cpu\n",
  };
  return {
    ...{ euid: 0, bounding: (1n << 41n) - 1n, effective: (1n << 41n) - 1n, oomScoreAdj: 0, apparmor: true },
    hierarchies: parseHierarchies(mountinfo, "0::/\n1:memory,cpuset,devices:/\n"),
    environment: ["PATH=/usr/bin"],
    hardLimits: new Map([["RLIMIT_NOFILE", 4096n]]),
    readText: (path) => files[path] ?? "",
    exists: (path) => path in files || path === "/proc/kcore",
    ...change,
  };
}

function plan(spec: Spec, with_: Facts, warnings: string[] = []): string {
  const compiled = compile({
    ...{
      id: "web",
      spec,
      bundle: "/bundle",
      rootfs: "/bundle/rootfs",
      facts: with_,
      filterOf: compileSeccomp,
      noPivotRoot: false,
      trace: false,
    },
    cgroups: placeCgroups(with_.hierarchies, "/ns/web", "web"),
    ...{
      pidFile: "/run/web/init.pid",
      gate: "/run/web/exec.fifo",
      warn: (message) => void warnings.push(message),
    },
  });
  return printPlan(compiled);
}

function expectGolden(name: string, text: string): void {
  const path = join(import.meta.dir, "golden", `${name}.plan`);
  if (process.env["GOLDEN"] === "write") writeFileSync(path, text);
  expect(text).toBe(readFileSync(path, "utf8"));
}

const BASE = defaultSpec(undefined);
const mapping = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

describe("compile", () => {
  test("runc's default spec on v1 and v2", () => {
    expectGolden("default-v1", plan(BASE, facts(V1)));
    expectGolden("default-v2", plan(BASE, facts(V2)));
  });

  test("user namespace, hooks, joined network, bind, labels, limits", () => {
    const namespaces = [
      ...BASE.linux!.namespaces!.filter(({ type }) => type !== "network"),
      { type: "network" as const, path: "/run/netns/web" },
      { type: "user" as const },
    ];
    const spec: Spec = {
      ...BASE,
      process: { ...BASE.process!, terminal: false, apparmorProfile: "docker-default", oomScoreAdj: 100 },
      mounts: [
        ...BASE.mounts!,
        { destination: "/data", type: "bind", source: "/srv", options: ["rbind", "rro", "rslave"] },
      ],
      linux: {
        ...BASE.linux,
        namespaces,
        uidMappings: mapping,
        gidMappings: mapping,
        resources: { memory: { limit: 1 << 26 } },
      },
      hooks: { prestart: [{ path: "/hook", args: ["hook", "a"] }], startContainer: [{ path: "/in" }] },
    };
    expectGolden("user", plan(spec, facts(V2)));
  });

  test("limits above our own are lowered with a warning", () => {
    const warnings: string[] = [];
    const rlimits = [{ type: "RLIMIT_NOFILE", soft: 2 ** 64, hard: 2 ** 64 }];
    const spec = { ...BASE, process: { ...BASE.process!, rlimits, oomScoreAdj: -500 } };
    const text = plan(spec, facts(V1, { effective: 0n, oomScoreAdj: 7 }), warnings);
    expect(text).toContain("init  rlimit 7 0x1000 0x1000\n");
    expect(text).toContain('"self/oom_score_adj" "7"');
    expect(warnings).toHaveLength(2);
    expect(plan(spec, facts(V1))).toContain("init  rlimit 7 0xffffffffffffffff 0xffffffffffffffff\n");
  });

  test("no_new_privs decides where the filter comes", () => {
    const seccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["bpf"], action: "SCMP_ACT_ERRNO" }],
    };
    const order = (noNewPrivileges: boolean): string[] => {
      const process = { ...BASE.process!, noNewPrivileges };
      const text = plan({ ...BASE, process, linux: { ...BASE.linux, seccomp } }, facts(V1));
      return [...text.matchAll(/^init {2}(seccomp|bounding|caps|lookup|gate) ?/gm)].map(([, name]) => name!);
    };
    expect(order(true)).toEqual(["bounding", "caps", "lookup", "seccomp", "gate"]);
    expect(order(false)).toEqual(["seccomp", "bounding", "caps", "lookup", "gate"]);
  });

  test("refusals", () => {
    const profile = { ...BASE, process: { ...BASE.process!, apparmorProfile: "x" } };
    expect(() => plan(profile, facts(V1, { apparmor: false }))).toThrow("apparmor is not enabled");
    const sysctl = { ...BASE, linux: { ...BASE.linux, sysctl: { "net/../../core": "1" } } };
    expect(() => plan(sysctl, facts(V1))).toThrow("invalid name");
    const limit = {
      ...BASE,
      process: { ...BASE.process!, rlimits: [{ type: "RLIMIT_X", soft: 1, hard: 1 }] },
    };
    expect(() => plan(limit, facts(V1))).toThrow("wrong rlimit value");
  });
});

test("mount options", () => {
  const options = parseMountOptions([
    "rbind",
    "ro",
    "nosuid",
    "rw",
    "rnoexec",
    "noatime",
    "rprivate",
    "size=1m",
    "mode=755",
  ]);
  expect(options).toMatchObject({ bind: true, recursive: true, flags: 2 | 1024, data: "size=1m,mode=755" });
  expect(options.attr).toEqual({ set: 2 | 0x10, clear: 1 | 0x70 });
  expect(options.recursiveAttr).toEqual({ set: 8, clear: 0 });
  expect(options.propagation).toEqual([(1 << 18) | (1 << 14)]);
  expect(parseMountOptions(["constructor"]).data).toBe("constructor");
});

test("environment: the last of a name wins, nonsense is refused", () => {
  expect(compileEnvironment(["A=1", "B=2", "A=3"])).toEqual(["B=2", "A=3"]);
  for (const entry of ["A", "=1", "A=\0"])
    expect(() => compileEnvironment([entry])).toThrow("invalid environment");
});
