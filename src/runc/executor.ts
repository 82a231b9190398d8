/**
 * Runs a plan by skiff-init for a command line. skiff-init comes out of our executable and runs from a sealed memfd: a container that
 * gets at /proc/<pid>/exe finds nothing it could write to (CVE-2019-5736).
 */
import { dlopen, FFIType, ptr } from "bun:ffi";
import { closeSync, existsSync, readFileSync, readSync, writeSync } from "node:fs";
import initFile from "../../native/build/skiff-init" with { type: "file" };
import { SkiffError } from "../lib/errors.ts";

const MFD_CLOEXEC_SEALING = 1 | 2;
const F_ADD_SEALS = 1033;
const SEALS_ALL = 1 | 2 | 4 | 8;
const REPORT_BYTES_MAX = 4096;

function openLibc() {
  return dlopen("libc.so.6", {
    memfd_create: { args: [FFIType.pointer, FFIType.u32], returns: FFIType.i32 },
    fcntl: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  }).symbols;
}

let libc: ReturnType<typeof openLibc> | undefined;

/** An anonymous file with `bytes`, closed on exec. */
function memoryFile(name: string, bytes: Uint8Array, sealed: boolean): number {
  libc ??= openLibc();
  const fd = libc.memfd_create(ptr(Buffer.from(`${name}\0`)), MFD_CLOEXEC_SEALING);
  if (fd < 0) throw new SkiffError("resource_exhausted", "make memory file: memfd_create failed");
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
  if (sealed && libc.fcntl(fd, F_ADD_SEALS, SEALS_ALL) !== 0) {
    throw new SkiffError("internal", "seal memory file: fcntl failed");
  }
  return fd;
}

export interface RunPlan {
  readonly plan: Uint8Array;
  /** AF_UNIX path that gets the pty master. */
  readonly consoleSocket?: string;
  /** Stays until the container's process has ended; its status is then `status`. */
  readonly wait: boolean;
  readonly preserveFds: number;
}

export interface PlanRun {
  /** With `wait`: the process's exit status. */
  readonly status: number;
  readonly pid: number;
}

function readReport(fd: number): string {
  const bytes = Buffer.alloc(REPORT_BYTES_MAX);
  return bytes.toString("utf8", 0, readSync(fd, bytes, 0, bytes.length, 0)).trimEnd();
}

interface Launch {
  readonly argv: string[];
  readonly stdio: unknown[];
  readonly report: number;
  close(): void;
}

function prepare(run: RunPlan): Launch {
  const init = memoryFile("skiff-init", readFileSync(initFile), true);
  const plan = memoryFile("plan", run.plan, false);
  const report = memoryFile("report", new Uint8Array(), false);
  // What the caller has not open becomes /dev/null, so that the others keep their numbers.
  const kept = Array.from({ length: run.preserveFds }, (_, at) =>
    existsSync(`/proc/self/fd/${3 + at}`) ? 3 + at : "ignore",
  );
  const argv = [`/proc/${process.pid}/fd/${init}`, "plan", String(3 + kept.length), String(4 + kept.length)];
  if (run.consoleSocket !== undefined) argv.push("--console", run.consoleSocket);
  if (run.wait) argv.push("--wait");
  const stdio = ["inherit", "inherit", "inherit", ...kept, plan, report];
  return { argv, stdio, report, close: () => [init, plan, report].forEach((fd) => void closeSync(fd)) };
}

function finish(launch: Launch, status: number): PlanRun {
  const report = readReport(launch.report);
  launch.close();
  if (report.startsWith("+")) return { status, pid: Number(report.slice(1)) };
  throw new SkiffError("unknown", report === "" ? "skiff-init ended unexpectedly" : report.slice(1));
}

/** Returns when the process waits at its gate or is on its way to execve. Throws with the executor's words. */
export function runPlan(run: RunPlan): PlanRun {
  const launch = prepare(run);
  const child = Bun.spawnSync(launch.argv, { argv0: "skiff-init", stdio: launch.stdio } as never);
  return finish(launch, child.exitCode);
}

const FORWARDED = ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGINT", "SIGQUIT"] as const;

const POLL_MS = 2;

/** The pid, as soon as the report has it; 0 when there will be none. */
async function whenStarted(launch: Launch, ended: () => boolean): Promise<number> {
  for (;;) {
    const over = ended();
    const report = readReport(launch.report);
    if (report.startsWith("+")) return Number(report.slice(1));
    if (over || report !== "") return 0;
    await Bun.sleep(POLL_MS);
  }
}

export interface ForegroundRun extends Omit<RunPlan, "wait"> {
  /** Called once, with the pid. */
  readonly onStarted?: (pid: number) => Promise<void>;
}

/** In the foreground: passes signals on and waits for the end. */
export async function runPlanInForeground(run: ForegroundRun): Promise<PlanRun> {
  const launch = prepare({ ...run, wait: true });
  const child = Bun.spawn(launch.argv, { argv0: "skiff-init", stdio: launch.stdio } as never);
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
  if (run.onStarted !== undefined) {
    const pid = await whenStarted(launch, () => child.exitCode !== null || child.signalCode !== null);
    if (pid !== 0) await run.onStarted(pid);
  }
  return finish(launch, await child.exited);
}
