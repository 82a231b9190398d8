/**
 * The process itself: from identity and limits to execve. The order is the point of this file:
 *
 *     limits, labels → bounding set → [seccomp, if privileges may still be gained] → cwd → user, capabilities
 *     → program looked up as that user → [seccomp otherwise: as late as possible] → gate → execve
 *
 * Without no_new_privs a filter needs CAP_SYS_ADMIN, so it must come before the capabilities go; runc does the same.
 */
import { SkiffError } from "../../lib/errors.ts";
import { SLOT } from "../plan/ops.ts";
import { compileCapabilities } from "../security/capabilities.ts";
import type { ProcessCompilation } from "./context.ts";
import { compileScheduling } from "./scheduling.ts";

const CAP_SYS_RESOURCE = 1n << 24n;
const UNLIMITED = (1n << 64n) - 1n;

/* asm-generic/resource.h: the number is the place. */
const RLIMITS = [
  ...[
    "CPU",
    "FSIZE",
    "DATA",
    "STACK",
    "CORE",
    "RSS",
    "NPROC",
    "NOFILE",
    "MEMLOCK",
    "AS",
    "LOCKS",
    "SIGPENDING",
  ],
  ...["MSGQUEUE", "NICE", "RTPRIO", "RTTIME"],
].map((name) => `RLIMIT_${name}`);

/** JSON cannot tell 2^64−1 from 2^64. */
function limitValue(value: number): bigint {
  const exact = BigInt(Math.max(value, -1));
  return exact < 0n || exact > UNLIMITED ? UNLIMITED : exact;
}

/** Inside a user namespace limits cannot be raised: there host does it, on init's pid. */
export function compileLimits(
  { process, facts, plan, warn }: ProcessCompilation,
  actor: "host" | "init",
): void {
  const free = (facts.effective & CAP_SYS_RESOURCE) !== 0n;
  const hardLimits = free || process.rlimits === undefined ? undefined : facts.hardLimits;
  for (const { type, soft, hard } of process.rlimits ?? []) {
    const number = RLIMITS.indexOf(type);
    if (number < 0) throw new SkiffError("invalid_argument", `wrong rlimit value: ${type}`);
    const most = hardLimits?.get(type) ?? UNLIMITED;
    let [low, high] = [limitValue(soft), limitValue(hard)];
    if (high > most) {
      warn(`${type} ${high} lowered to our own hard limit ${most}: no CAP_SYS_RESOURCE`);
      high = most;
    }
    if (low > high && soft <= hard) low = high;
    plan[actor](
      "rlimit",
      `error setting rlimits for ready process: error setting rlimit type ${number}`,
      number,
      low,
      high,
    );
  }
  if (process.oomScoreAdj === undefined) return;
  const least = free ? -1000 : facts.oomScoreAdj;
  const score = Math.max(process.oomScoreAdj, least);
  if (score !== process.oomScoreAdj)
    warn(`oomScoreAdj ${process.oomScoreAdj} raised to ${score}: no CAP_SYS_RESOURCE`);
  if (actor === "host") plan.host("map", "error setting oom_score_adj", "oom_score_adj", String(score));
  else plan.init("write", "error setting oom_score_adj", SLOT.proc, "self/oom_score_adj", String(score), 0);
}

function compileLabels({ process, facts, plan, warn }: ProcessCompilation): void {
  const { apparmorProfile: profile, selinuxLabel: label } = process;
  if (profile !== undefined && profile !== "" && profile !== "unconfined") {
    if (!facts.apparmor)
      throw new SkiffError("failed_precondition", "apparmor profile given but apparmor is not enabled");
    const path = facts.exists("/proc/self/attr/apparmor/exec") ? "self/attr/apparmor/exec" : "self/attr/exec";
    plan.init(
      "write",
      `unable to apply apparmor profile: apparmor failed to apply profile`,
      SLOT.proc,
      path,
      `exec ${profile}`,
      0,
    );
  }
  if (label !== undefined && label !== "") {
    if (facts.exists("/sys/fs/selinux/enforce"))
      plan.init("write", "error setting process label", SLOT.proc, "self/attr/exec", label, 0);
    else warn("selinuxLabel given but SELinux is not enabled");
  }
}

function groupsBlob(gids: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(gids).buffer);
}

function compileFilter(compilation: ProcessCompilation): () => void {
  const { linux, plan } = compilation;
  if (linux.seccomp === undefined) return () => undefined;
  const { program, flags } = compilation.filterOf(linux.seccomp);
  if (program.length === 0) return () => undefined;
  return () =>
    plan.init(
      "seccomp",
      "error loading seccomp filter into kernel: error loading seccomp filter",
      flags,
      program,
    );
}

function compileIdentity(compilation: ProcessCompilation): void {
  const { process, plan, facts, warn } = compilation;
  const sets = compileCapabilities(process.capabilities ?? {}, facts.bounding);
  if (sets.unknown.length > 0)
    warn(`ignoring unknown or unavailable capabilities: [${sets.unknown.join(" ")}]`);
  plan.init("bounding", "unable to apply bounding set", sets.bounding);
  const { uid, gid, additionalGids = [] } = process.user;
  plan.init("user", "unable to setup user", uid, gid, groupsBlob(additionalGids));
  plan.init("caps", "unable to apply caps", sets.effective, sets.permitted, sets.inheritable, sets.ambient);
}

/** Everything from a prepared root to the line before the gate. */
export function compileProcess(compilation: ProcessCompilation, limits: "init" | undefined): void {
  const { process, plan } = compilation;
  const filter = compileFilter(compilation);
  const cwd = `chdir to cwd ("${process.cwd}") set in config.json failed`;
  compileScheduling(compilation);
  if (process.user.umask !== undefined) plan.init("umask", "umask", process.user.umask);
  if (process.noNewPrivileges === true) plan.init("nnp", "error setting no_new_privs");
  compileLabels(compilation);
  plan.init("closefds", "unable to close exec fds", 3 + compilation.preserveFds);
  if (limits !== undefined) compileLimits(compilation, limits);
  const hasHome = (process.env ?? []).some((entry) => entry.startsWith("HOME="));
  if (!hasHome) plan.init("home", "read /etc/passwd", process.user.uid);
  if (process.noNewPrivileges !== true) filter();
  /* Some directories only root may enter, others only the user. */
  plan.init("chdir", cwd, process.cwd, 1);
  compileIdentity(compilation);
  plan.init("chdir", cwd, process.cwd, 0);
  const program = process.args?.[0] ?? "";
  const path = (process.env ?? []).findLast((entry) => entry.startsWith("PATH="))?.slice(5) ?? "";
  plan.init("say", "", "unable to start container process: ");
  plan.init("lookup", `exec: "${program}"`, program, path);
  if (process.noNewPrivileges === true) filter();
}

/** HOME is set from the container's /etc/passwd when the environment does not have it; later entries of a name win. */
export function compileEnvironment(env: readonly string[]): string[] {
  const entries = new Map<string, string>();
  for (const entry of env) {
    const at = entry.indexOf("=");
    if (at <= 0 || entry.includes("\0"))
      throw new SkiffError("invalid_argument", `invalid environment variable "${entry}"`);
    entries.delete(entry.slice(0, at));
    entries.set(entry.slice(0, at), entry);
  }
  return [...entries.values()];
}
