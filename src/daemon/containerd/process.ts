/**
 * The skiff-containerd of this skiffd, as a process: found again by its pidfile after a restart of skiffd, or started. It leads a session of its
 * own, so that nothing which ends skiffd ends it.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { processStartTime } from "../../kernel/processes.ts";
import { selfCommand } from "../../lib/self.ts";

const ROLE = "skiff-containerd";

export interface ContainerdPaths {
  /** What is kept over reboots. */
  readonly root: string;
  readonly state: string;
  /** Its socket. */
  readonly address: string;
  readonly pidfile: string;
}

export interface ContainerdProcess {
  readonly pid: number;
  /** Resolves when it has ended. */
  readonly exited: Promise<void>;
}

/** How often one that is not our child is looked at. */
const POLL_MS = 100;

async function whenGone(pid: number, startTime: number): Promise<void> {
  while (processStartTime(pid) === startTime) await Bun.sleep(POLL_MS);
}

function isOurs(pid: number, address: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return words.some((word) => word.endsWith(ROLE)) && words.includes(address);
  } catch {
    return false;
  }
}

/** The one an earlier skiffd has started; undefined when it does not run. */
export function findContainerd({ pidfile, address }: ContainerdPaths): ContainerdProcess | undefined {
  let pid: number;
  try {
    pid = Number.parseInt(readFileSync(pidfile, "utf8"), 10);
  } catch {
    return undefined;
  }
  const startTime = pid > 0 ? processStartTime(pid) : undefined;
  if (startTime === undefined || !isOurs(pid, address)) return undefined;
  return { pid, exited: whenGone(pid, startTime) };
}

export function startContainerd(paths: ContainerdPaths, level: string): ContainerdProcess {
  const { root, state, address, pidfile } = paths;
  for (const directory of [root, state, dirname(address), dirname(pidfile)])
    mkdirSync(directory, { recursive: true, mode: 0o711 });
  const flags = ["--root", root, "--state", state, "--address", address, "--log-level", level];
  const child = Bun.spawn(selfCommand(ROLE, flags), {
    cwd: "/",
    detached: true,
    stdio: ["ignore", "inherit", "inherit"],
  });
  child.unref();
  writeFileSync(pidfile, `${child.pid}`);
  return { pid: child.pid, exited: child.exited.then(() => undefined) };
}

/** SIGTERM, and SIGKILL when it takes longer than `timeoutMs`. */
export async function stopContainerd(
  { pidfile }: Pick<ContainerdPaths, "pidfile">,
  { pid, exited }: ContainerdProcess,
  timeoutMs: number,
): Promise<void> {
  const signal = (name: "SIGTERM" | "SIGKILL") => {
    try {
      process.kill(pid, name);
    } catch {
      // It has just ended.
    }
  };
  signal("SIGTERM");
  const timer = setTimeout(() => signal("SIGKILL"), timeoutMs);
  await exited;
  clearTimeout(timer);
  rmSync(pidfile, { force: true });
}
