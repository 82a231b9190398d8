/**
 * config.json → kernel plan, for a container's init. Pure: what it must know of the machine comes in `facts`.
 *
 *     host                                 init
 *     cgroups, limits; clone
 *     id maps
 *     ─────────────────────── meet ───────────────────────   (only with a new user namespace)
 *     rlimits, record                       cgroups, mounts, /dev
 *     ─────────────────────── meet ───────────────────────   (only with hooks)
 *     prestart, createRuntime hooks
 *     ─────────────────────── meet ───────────────────────   (only with hooks)
 *                                           terminal, masks, pivot
 *     ─────────────────────── meet ───────────────────────
 *                                           process
 *     ◄────────────────────── ready ──────────────────────
 */
import type { Spec } from "../../contracts/oci/spec.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { CgroupPaths } from "../cgroups/hierarchies.ts";
import type { Facts } from "../facts.ts";
import { createPlanBuilder, type Plan, SLOT } from "../plan/ops.ts";
import type { FilterSource } from "../seccomp/cache.ts";
import { compileCgroups, enterCgroups, openCgroups } from "./cgroups.ts";
import { type Compilation, isNew, namespaceOf, O, type ProcessCompilation } from "./context.ts";
import { compileDevices, ownsDev } from "./devices.ts";
import { MS, PROPAGATION } from "./flags.ts";
import { compileHooks } from "./hooks.ts";
import { compileMounts, compileRoot } from "./mounts.ts";
import { CLONE, compileIdMaps, compileNamespaces } from "./namespaces.ts";
import { compileEnvironment, compileLimits, compileProcess } from "./process.ts";

const PROC_SUPER_MAGIC = 0x9fa0;
const FIFO_MODE = 0o622; // a user other than root must be able to open it for writing
export const HOST_SAYS = "unable to start container process: ";
export const INIT_SAYS = "unable to start container process: error during container init: ";

export interface CompileRequest {
  readonly id: string;
  readonly spec: Spec;
  readonly bundle: string;
  /** Absolute, without symbolic links. */
  readonly rootfs: string;
  readonly cgroups: CgroupPaths;
  readonly noPivotRoot: boolean;
  readonly noNewKeyring?: boolean;
  readonly preserveFds?: number;
  readonly trace: boolean;
  /** Where init's pid is recorded. */
  readonly pidFile: string;
  /** The start gate; "" for a container that runs at once. */
  readonly gate: string;
  readonly facts: Facts;
  readonly filterOf: FilterSource;
  readonly warn?: (message: string) => void;
}

/** The host's procfs, checked to be one, for every write below /proc: the container's own could be a trap (CVE-2025-52881). */
export function openProc(plan: Compilation["plan"]): void {
  plan.host("open", "open /proc", SLOT.proc, SLOT.none, "/proc", O.directory);
  plan.host("fstype", "/proc is not a proc file system", SLOT.proc, PROC_SUPER_MAGIC);
}

function compileHost(
  compilation: Compilation,
  request: CompileRequest,
  process: ProcessCompilation,
): number[] {
  const { plan } = compilation;
  plan.host("say", "", HOST_SAYS);
  openProc(plan);
  if (request.gate !== "") {
    plan.host("mkfifo", "make exec fifo", request.gate, FIFO_MODE);
    plan.host("open", "open exec fifo", SLOT.gate, SLOT.none, request.gate, O.path);
  }
  const cgroup = compileCgroups(compilation);
  const tasks = openCgroups(compilation);
  const flags = compileNamespaces(compilation);
  plan.markEarly();
  plan.host("clone", "clone", flags, cgroup);
  compileIdMaps(compilation);
  if (isNew(compilation.linux, "user")) plan.meet();
  if (compilation.userNamespace) compileLimits(process, "host");
  plan.host("record", "record pid", request.pidFile);
  return tasks;
}

function compileSysctls({ plan, spec, linux }: Compilation): void {
  if (spec.hostname) plan.init("hostname", "sethostname", spec.hostname);
  if (spec.domainname) plan.init("domainname", "setdomainname", spec.domainname);
  for (const [name, value] of Object.entries(linux.sysctl ?? {})) {
    /* Either form: net.ipv4.x, or with slashes where a name has dots. */
    const path = name.includes("/") ? name : name.replaceAll(".", "/");
    if (path.split("/").some((part) => part === ".." || part === "")) {
      throw new SkiffError("invalid_argument", `sysctl "${name}": invalid name`);
    }
    plan.init("write", `open /proc/sys/${path}`, SLOT.proc, `sys/${path}`, value, 0);
  }
}

function compileTerminal({ plan, spec, mountNamespace }: Compilation): void {
  const { process } = spec;
  plan.init("setsid", "setsid");
  if (process?.terminal !== true) return;
  const { height = 0, width = 0 } = process.consoleSize ?? {};
  const { uid } = process.user;
  plan.init("terminal", "error setting up console", height, width, uid, mountNamespace ? 1 : 0);
}

function compileRestrictions({ plan, linux }: Compilation): void {
  for (const path of linux.readonlyPaths ?? []) plan.init("readonly", `can't make "${path}" read-only`, path);
  const masked = linux.maskedPaths ?? [];
  if (masked.length === 0) return;
  const slot = plan.slot();
  plan.init("open", "can't mask paths: open /dev/null", slot, SLOT.root, "/dev/null", O.path);
  for (const path of masked) plan.init("mask", `can't mask path "${path}"`, slot, path);
}

/** Read-only flags that had to wait, and what propagation the root gets, after the old root is gone. */
function finishRoot({ plan, spec, linux }: Compilation): void {
  const dev = spec.mounts?.findLast(({ destination }) => destination.replace(/\/+$/, "") === "/dev");
  if (dev?.options?.includes("ro") === true && dev.type === "tmpfs") {
    const slot = plan.slot();
    plan.init("open", "remount /dev", slot, SLOT.root, "/dev", O.path);
    plan.init("attr", "error remounting /dev as readonly", slot, 1, 0, 0, 0);
  }
  const propagation = PROPAGATION[linux.rootfsPropagation ?? ""];
  if (propagation !== undefined) {
    plan.init(
      "attr",
      "set rootfs propagation",
      SLOT.root,
      0,
      0,
      propagation & ~MS.rec,
      propagation & MS.rec ? 1 : 0,
    );
  }
  if (spec.root?.readonly === true) plan.init("attr", "error making rootfs read-only", SLOT.root, 1, 0, 0, 0);
}

function compileInit(compilation: Compilation): void {
  const { plan, spec, linux, mountNamespace } = compilation;
  const hooks = (spec.hooks?.prestart?.length ?? 0) + (spec.hooks?.createRuntime?.length ?? 0) > 0;
  if (mountNamespace) {
    compileRoot(compilation);
    compileMounts(compilation);
    if (ownsDev(compilation)) compileDevices(compilation);
  } else plan.init("open", "open rootfs", SLOT.root, SLOT.none, compilation.rootfs, O.path | O.directory);
  if (hooks) {
    plan.meet();
    compileHooks(compilation, "prestart", "host");
    compileHooks(compilation, "createRuntime", "host");
    plan.meet();
  }
  compileHooks(compilation, "createContainer", "init");
  compileTerminal(compilation);
  compileSysctls(compilation);
  if (mountNamespace) compileRestrictions(compilation);
  const joined = namespaceOf(linux, "mount")?.path !== undefined;
  plan.init("pivot", "pivot_root", !mountNamespace || joined ? 2 : compilation.noPivotRoot ? 1 : 0);
  if (mountNamespace) finishRoot(compilation);
}

/** The plan of a container's init. Throws `invalid_argument` for what cannot be expressed. */
export function compile(request: CompileRequest): Plan {
  const { spec, facts, warn = () => undefined } = request;
  const linux = spec.linux ?? {};
  const plan = createPlanBuilder();
  const compilation: Compilation = {
    ...{ id: request.id, spec, linux, bundle: request.bundle, rootfs: request.rootfs, facts, plan, warn },
    cgroups: request.cgroups,
    noPivotRoot: request.noPivotRoot,
    userNamespace: namespaceOf(linux, "user") !== undefined,
    mountNamespace: isNew(linux, "mount"),
  };
  if (spec.process === undefined)
    throw new SkiffError("invalid_argument", "process property must not be empty");
  const preserveFds = request.preserveFds ?? 0;
  const process: ProcessCompilation = {
    process: spec.process,
    linux,
    facts,
    plan,
    warn,
    preserveFds,
    filterOf: request.filterOf,
  };
  const tasks = compileHost(compilation, request, process);
  plan.init("say", "", INIT_SAYS);
  if (compilation.userNamespace)
    plan.init("user", "become root of the user namespace", 0, 0, new Uint8Array());
  enterCgroups(compilation, tasks);
  if (isNew(linux, "network")) plan.init("loopback", "bring loopback up");
  if (isNew(linux, "cgroup")) plan.init("unshare", "unshare cgroup namespace", CLONE.cgroup);
  if (request.noNewKeyring !== true)
    plan.init("keyring", "unable to join session keyring", `_ses.${request.id}`);
  compileInit(compilation);
  if (spec.process.terminal !== true)
    plan.init("stdio", "unable to setup user: fix stdio permissions", spec.process.user.uid);
  plan.init("mkdir", `mkdir ${spec.process.cwd}`, spec.process.cwd, 0o755);
  /* Not before host has done all of its part. */
  plan.meet();
  compileProcess(process, compilation.userNamespace ? undefined : "init");
  plan.init("ready", "");
  if (request.gate !== "") plan.init("gate", "open exec fifo");
  compileHooks(compilation, "startContainer", "init", "created");
  const environment = compileEnvironment(spec.process.env ?? []);
  plan.init("exec", "", spec.process.args ?? [], environment);
  return { trace: request.trace, operations: plan.operations };
}
