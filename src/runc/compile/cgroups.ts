/** The container's cgroups as plan operations of host: made and limited before the clone, joined after it. */
import type { Resources } from "../../contracts/oci/spec.ts";
import { compileDevicePolicy, compileDeviceProgram, deviceWritesV1 } from "../cgroups/devices.ts";
import { ancestry } from "../cgroups/hierarchies.ts";
import { limitWritesV1, limitWritesV2 } from "../cgroups/writes.ts";
import { SLOT } from "../plan/ops.ts";
import { type Compilation, O } from "./context.ts";

const V2_CONTROLLERS = ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"];

/** v1 cpusets are born empty, and nothing can run in an empty one: each level takes its parent's. */
function compileCpusets(
  { facts, plan }: Compilation,
  mountpoint: string,
  levels: readonly string[],
  missing: readonly string[],
): void {
  if (facts.readText(`${mountpoint}/cgroup.clone_children`).trim() === "1") return;
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    let inherited = facts.readText(`${mountpoint}/${file}`).trim();
    for (const level of levels) {
      const own = missing.includes(level) ? "" : facts.readText(`${level}/${file}`).trim();
      if (own === "") plan.host("write", `copy ${file}`, SLOT.none, `${level}/${file}`, inherited, 0);
      else inherited = own;
    }
  }
}

const FAILED = "error setting cgroup config for procHooks process: failed to write";

function compileV1(compilation: Compilation, resources: Resources): void {
  const { plan, cgroups, facts } = compilation;
  for (const [controller, path] of Object.entries(cgroups)) {
    const { mountpoint } = facts.hierarchies.of.get(controller)!;
    const levels = ancestry(mountpoint, path);
    const missing = levels.filter((level) => !facts.exists(level));
    for (const level of missing) plan.host("mkdir_host", `mkdir ${level}`, level, 0o755);
    if (controller === "cpuset") compileCpusets(compilation, mountpoint, levels, missing);
  }
  const write = (controller: string, file: string, text: string, optional = false): void => {
    const path = cgroups[controller];
    if (path === undefined) {
      compilation.warn(`cgroup controller ${controller} is not mounted: ${file} ignored`);
      return;
    }
    plan.host(
      "write",
      `${FAILED} ${text}: write ${path}/${file}`,
      SLOT.none,
      `${path}/${file}`,
      text,
      optional ? 1 : 0,
    );
  };
  for (const { controller, file, text, optional } of limitWritesV1(resources))
    write(controller, file, text, optional);
  if (cgroups["devices"] !== undefined) {
    for (const [file, text] of deviceWritesV1(compileDevicePolicy(resources.devices)))
      write("devices", file, text);
  }
}

function compileV2(compilation: Compilation, resources: Resources): number {
  const { plan, cgroups, facts } = compilation;
  const path = cgroups[""]!;
  const { mountpoint } = facts.hierarchies.of.get("")!;
  const levels = ancestry(mountpoint, path);
  const has = facts.readText(`${mountpoint}/cgroup.controllers`).trim().split(" ");
  const enabled = V2_CONTROLLERS.filter((name) => has.includes(name));
  for (const [at, level] of levels.entries()) {
    const parent = at === 0 ? mountpoint : levels[at - 1]!;
    const on = facts.readText(`${parent}/cgroup.subtree_control`).trim().split(" ");
    for (const name of enabled.filter((one) => !on.includes(one))) {
      /* May be refused, e.g. where processes live; a limit that then has no file fails with a clear word. */
      plan.host("write", `enable ${name}`, SLOT.none, `${parent}/cgroup.subtree_control`, `+${name}`, 1);
    }
    if (!facts.exists(level)) plan.host("mkdir_host", `mkdir ${level}`, level, 0o755);
  }
  for (const { file, text, optional } of limitWritesV2(resources)) {
    const name = `${path}/${file}`;
    plan.host("write", `${FAILED} ${text}: write ${name}`, SLOT.none, name, text, optional ? 1 : 0);
  }
  const slot = plan.slot();
  plan.host("open", `open ${path}`, slot, SLOT.none, path, O.directory);
  const policy = compileDevicePolicy(resources.devices);
  /* An ordinary user may not load BPF; device nodes are out of reach anyway in a user namespace. */
  if (facts.euid === 0) plan.host("devices", "attach device program", slot, compileDeviceProgram(policy));
  return slot + 1;
}

/** Makes and limits the cgroups. Answers what `clone` wants: 1 + slot of the v2 directory, or 0. */
export function compileCgroups(compilation: Compilation): number {
  const resources = compilation.linux.resources ?? {};
  if (compilation.facts.hierarchies.version === 2) return compileV2(compilation, resources);
  compileV1(compilation, resources);
  return 0;
}

/**
 * v1: init moves itself, through fds that host opened, for init may not be allowed to (user namespace) or not see the files (exec).
 * Host could write init's pid instead, but that costs an RCU grace period (ops.c, do_enter). v2 is done by the clone itself.
 */
export function openCgroups({
  plan,
  cgroups,
  facts,
}: Pick<Compilation, "plan" | "cgroups" | "facts">): number[] {
  if (facts.hierarchies.version === 2) return [];
  return Object.values(cgroups).map((path) => {
    const slot = plan.slot();
    plan.host(
      "open",
      `unable to apply cgroup configuration: open ${path}/tasks`,
      slot,
      SLOT.none,
      `${path}/tasks`,
      O.writeOnly,
    );
    return slot;
  });
}

export function enterCgroups({ plan }: Pick<Compilation, "plan">, slots: readonly number[]): void {
  for (const slot of slots) plan.init("enter", "unable to apply cgroup configuration: write tasks", slot);
}
