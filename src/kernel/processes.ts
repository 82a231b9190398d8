import { readFileSync } from "node:fs";
import type { Kernel } from "./kernel.ts";
import { check } from "./libc.ts";

const SYS_PIDFD_SEND_SIGNAL = 424;
const SYS_PIDFD_OPEN = 434;

export const processCalls: Pick<Kernel, "kill" | "pidfdOpen" | "pidfdSendSignal" | "prctl"> = {
  kill(pid, signal) {
    check(
      () => `send signal ${signal} to process ${pid}`,
      (c) => c.kill(pid, signal),
    );
  },
  pidfdOpen: (pid) =>
    check(
      () => `open process ${pid}`,
      (c) => c.syscall(SYS_PIDFD_OPEN, pid, null, 0, 0, 0, 0),
    ),
  pidfdSendSignal(pidfd, signal) {
    // The third argument, siginfo, is null; the second goes where `ptr` stands.
    check(
      () => `send signal ${signal} by pidfd ${pidfd}`,
      (c) => c.syscall(SYS_PIDFD_SEND_SIGNAL, pidfd, signal as never, 0, 0, 0, 0),
    );
  },
  prctl(option, argument) {
    check(
      () => `prctl ${option}`,
      (c) => c.prctl(option, argument, 0, 0, 0),
    );
  },
};

/**
 * When a process was started, in clock ticks since boot: with the pid it names a process for good, because pids are used again.
 * undefined: no such process, or a zombie. proc(5), /proc/PID/stat field 22; the name before it may hold anything, `)` too.
 */
export function processStartTime(pid: number): number | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  const ticks = Number(fields[19]);
  return Number.isSafeInteger(ticks) ? ticks : undefined;
}
