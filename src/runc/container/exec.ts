/** exec: another process in a container's namespaces and cgroups, as a plan that needs no gate. */
import { readFileSync, readlinkSync } from "node:fs";
import { dirname, normalize } from "node:path/posix";
import { NAMESPACE_TYPES, type Process } from "../../contracts/oci/spec.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { CgroupPaths } from "../cgroups/hierarchies.ts";
import { enterCgroups, openCgroups } from "../compile/cgroups.ts";
import { HOST_SAYS, INIT_SAYS, openProc } from "../compile/compile.ts";
import { O } from "../compile/context.ts";
import { joinNamespaces, NS_FILE } from "../compile/namespaces.ts";
import { compileEnvironment, compileLimits, compileProcess } from "../compile/process.ts";
import { readFacts } from "../facts.ts";
import { encodePlan } from "../plan/encode.ts";
import { createPlanBuilder, type Plan, SLOT } from "../plan/ops.ts";
import { createFilterCache } from "../seccomp/cache.ts";
import type { Container } from "./state.ts";

const own = (file: string): string => file.replace("_for_children", "");

function differs(pid: number, file: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/${own(file)}`) !== readlinkSync(`/proc/self/ns/${own(file)}`);
  } catch {
    return false; // the kernel does not have this kind
  }
}

export interface ExecOptions {
  readonly preserveFds?: number;
  readonly trace?: boolean;
  readonly warn?: (message: string) => void;
  readonly ignorePaused?: boolean;
  /** `[controller:]path` below the container's cgroup. */
  readonly subCgroup?: string;
}

/**
 * v2 allows no processes where there are children with controllers: an init that manages cgroups (systemd) has moved to one of its
 * own, and whoever comes later goes there too, as long as it lies within the container's.
 */
function cgroupOfInit(container: Container, pid: number): CgroupPaths {
  const top = container.stored.cgroups[""]!;
  const own = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[1] ?? "";
  const at = own.lastIndexOf(top.slice(top.lastIndexOf("/")));
  const below = at < 0 ? "" : own.slice(at + top.length - top.lastIndexOf("/"));
  return { "": top + below };
}

/** The container's cgroups, or for those that `sub` names the one below. */
function belowCgroups(cgroups: CgroupPaths, sub: string | undefined): CgroupPaths {
  const match = /^(?:([^:/]+):)?(.+)$/.exec(sub ?? "");
  if (match === null) return cgroups;
  const below = normalize(`/${match[2]}`);
  const chosen = match[1]?.split(",");
  return Object.fromEntries(
    Object.entries(cgroups).map(([name, path]) => [
      name,
      chosen === undefined || chosen.includes(name) ? path + below : path,
    ]),
  );
}

export function compileExec(container: Container, process: Process, options: ExecOptions = {}): Plan {
  const init = container.alive();
  if (init === undefined) throw new SkiffError("failed_precondition", "cannot exec in a stopped container");
  if (options.ignorePaused !== true && container.cgroups.frozen())
    throw new SkiffError("failed_precondition", "cannot exec in a paused container");
  const { spec } = container.stored;
  const base =
    container.stored.cgroupVersion === 2 ? cgroupOfInit(container, init.pid) : container.stored.cgroups;
  const cgroups = belowCgroups(base, options.subCgroup);
  const facts = readFacts();
  const plan = createPlanBuilder();
  const linux = spec.linux ?? {};
  const filterOf = createFilterCache(dirname(container.directory));
  const warn = options.warn ?? (() => undefined);
  const compilation = { process, linux, facts, plan, warn, filterOf, preserveFds: options.preserveFds ?? 0 };
  plan.host("say", "", HOST_SAYS);
  openProc(plan);
  let cgroup = 0;
  if (facts.hierarchies.version === 2) {
    cgroup = plan.slot() + 1;
    plan.host("open", "open cgroup", cgroup - 1, SLOT.none, cgroups[""]!, O.directory);
  }
  /* Before it is inside: the container's root must not see our fds or memory (CVE-2016-9962). */
  plan.stage("dumpable", "prctl", 0);
  const joined = NAMESPACE_TYPES.filter((type) => differs(init.pid, NS_FILE[type]));
  joinNamespaces(
    { plan, facts },
    joined.map((type) => ({ type, path: `/proc/${init.pid}/ns/${own(NS_FILE[type])}` })),
  );
  const tasks = openCgroups({ plan, cgroups, facts });
  plan.host("clone", "clone", 0, cgroup);
  const inUser = joined.includes("user");
  if (inUser) compileLimits(compilation, "host");
  plan.meet();
  plan.init("say", "", INIT_SAYS);
  if (inUser) plan.init("user", "become root of the user namespace", 0, 0, new Uint8Array());
  enterCgroups({ plan }, tasks);
  plan.init("setsid", "setsid");
  plan.init("open", "open /", SLOT.root, SLOT.none, "/", O.path | O.directory);
  const { height = 0, width = 0 } = process.consoleSize ?? {};
  if (process.terminal === true)
    plan.init("terminal", "error setting up console", height, width, process.user.uid, 0);
  else plan.init("stdio", "unable to setup user: fix stdio permissions", process.user.uid);
  compileProcess(compilation, inUser ? undefined : "init");
  plan.init("ready", "");
  plan.init("exec", "", process.args ?? [], compileEnvironment(process.env ?? []));
  return { trace: options.trace ?? false, operations: plan.operations };
}

export function execProcess(container: Container, process: Process): Uint8Array {
  return encodePlan(compileExec(container, process));
}
