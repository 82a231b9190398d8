/** The v2 way on whatever v2 hierarchy the machine has; on a hybrid one it has no controllers, but clone and device program work. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { compile } from "../compile/compile.ts";
import { runPlan } from "../executor.ts";
import { readFacts } from "../facts.ts";
import { encodePlan } from "../plan/encode.ts";
import { compileSeccomp } from "../seccomp/compile.ts";
import { loadSpec } from "../spec/load.ts";
import { createBundle } from "../testing.ts";
import { createCgroupControl } from "./control.ts";
import { type Hierarchies, placeCgroups } from "./hierarchies.ts";

function findUnified(): Hierarchies | undefined {
  const line = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .find((one) => one.includes(" - cgroup2 "));
  if (line === undefined) return undefined;
  return { version: 2, of: new Map([["", { mountpoint: line.split(" ")[4]!, root: "/", own: "/" }]]) };
}

test("born in its cgroup, devices by program, killed and removed as a whole", async () => {
  const hierarchies = findUnified();
  if (hierarchies === undefined) throw new Error("this machine has no cgroup2 mount");
  const bundle = createBundle();
  const id = bundle.id();
  try {
    const script =
      "(cat /dev/null && echo null; cat /dev/forbidden) > /tmp/new 2>&1; mv /tmp/new /tmp/out; sleep 100";
    bundle.configure(["sh", "-c", script], (spec) => ({
      ...spec,
      root: { path: "rootfs" },
      mounts: spec.mounts!.filter(({ type }) => type !== "cgroup"),
      linux: { ...spec.linux, devices: [{ type: "c", path: "/dev/forbidden", major: 1, minor: 11 }] },
    }));
    const spec = loadSpec(bundle.directory);
    const cgroups = placeCgroups(hierarchies, `/skiff-test/${id}`, id);
    mkdirSync(bundle.state);
    const plan = compile({
      ...{
        id,
        spec,
        cgroups,
        bundle: bundle.directory,
        rootfs: bundle.rootfs,
        noPivotRoot: false,
        trace: false,
        gate: "",
      },
      filterOf: compileSeccomp,
      pidFile: join(bundle.state, "pid"),
      facts: { ...readFacts(), hierarchies },
    });
    expect(plan.operations.some(({ name }) => name === "devices")).toBe(true);
    const { pid } = runPlan({ plan: encodePlan(plan), wait: false, preserveFds: 0 });
    const control = createCgroupControl(cgroups, 2);
    expect(control.pids()).toContain(pid);
    const out = join(bundle.rootfs, "tmp/out");
    for (let tries = 0; !existsSync(out) && tries < 500; tries++) await Bun.sleep(10);
    expect(readFileSync(out, "utf8")).toBe(
      "null\ncat: can't open '/dev/forbidden': Operation not permitted\n",
    );
    await control.freeze(true);
    expect(control.frozen()).toBe(true);
    const command = readFileSync(`/proc/${pid}/cgroup`, "utf8");
    expect(command).toContain(`0::/skiff-test/${id}\n`);
    await control.signal(9);
    await control.remove();
    expect(existsSync(cgroups[""]!)).toBe(false);
    rmdirSync(join(cgroups[""]!, ".."));
  } finally {
    bundle.close();
  }
});
