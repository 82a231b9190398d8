/** Memory that stays on the host per idle container: PSS of every process that came with it, its own payload left out. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export function processes(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Kilobytes; 0 for a process that has gone. */
export function pssKb(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function command(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ");
  } catch {
    return "";
  }
}

/** An engine's own: it works in the engine's directory, or was told of it. Others start processes on this machine, too. */
function belongsTo(directory: string, pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`).startsWith(directory) || command(pid).includes(directory);
  } catch {
    return false;
  }
}

/** PSS in kB of the engine's processes that are new since `before`, without the payload itself, plus the growth of the daemons. */
export function overheadKb(
  directory: string,
  before: ReadonlySet<number>,
  daemons: ReadonlyMap<number, number>,
): number {
  const added = processes().filter(
    (pid) => !before.has(pid) && belongsTo(directory, pid) && !/^sleep 1000/.test(command(pid)),
  );
  const grown = [...daemons].reduce((sum, [pid, was]) => sum + Math.max(0, pssKb(pid) - was), 0);
  return added.reduce((sum, pid) => sum + pssKb(pid), 0) + grown;
}
