/** Scheduler, I/O priority and personality of the process (sched_setattr(2), ioprio_set(2), personality(2)). */
import { SkiffError } from "../../lib/errors.ts";
import type { ProcessCompilation } from "./context.ts";

const POLICIES: Readonly<Record<string, number>> = {
  ...{
    SCHED_OTHER: 0,
    SCHED_FIFO: 1,
    SCHED_RR: 2,
    SCHED_BATCH: 3,
    SCHED_ISO: 4,
    SCHED_IDLE: 5,
    SCHED_DEADLINE: 6,
  },
};
const FLAGS: Readonly<Record<string, number>> = {
  ...{
    SCHED_FLAG_RESET_ON_FORK: 1,
    SCHED_FLAG_RECLAIM: 2,
    SCHED_FLAG_DL_OVERRUN: 4,
    SCHED_FLAG_KEEP_POLICY: 8,
  },
  ...{ SCHED_FLAG_KEEP_PARAMS: 16, SCHED_FLAG_UTIL_CLAMP_MIN: 32, SCHED_FLAG_UTIL_CLAMP_MAX: 64 },
};
const IO_CLASSES: Readonly<Record<string, number>> = {
  IOPRIO_CLASS_RT: 1,
  IOPRIO_CLASS_BE: 2,
  IOPRIO_CLASS_IDLE: 3,
};
const IO_CLASS_SHIFT = 13;
const PER_LINUX: Readonly<Record<string, number>> = { LINUX: 0, LINUX32: 8 };

function known(table: Readonly<Record<string, number>>, name: string, what: string): number {
  const value = Object.hasOwn(table, name) ? table[name] : undefined;
  if (value === undefined) throw new SkiffError("invalid_argument", `invalid ${what}: ${name}`);
  return value;
}

export function compileScheduling({ process, linux, plan }: ProcessCompilation): void {
  const { scheduler, ioPriority } = process;
  if (scheduler !== undefined) {
    const { nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 } = scheduler;
    const policy = known(POLICIES, scheduler.policy, "scheduler policy");
    const flags = (scheduler.flags ?? []).reduce(
      (bits, flag) => bits | known(FLAGS, flag, "scheduler flag"),
      0,
    );
    plan.init(
      "scheduler",
      "error setting scheduler",
      policy,
      flags,
      nice,
      priority,
      runtime,
      deadline,
      period,
    );
  }
  if (ioPriority !== undefined) {
    const bits =
      (known(IO_CLASSES, ioPriority.class, "io priority class") << IO_CLASS_SHIFT) | ioPriority.priority;
    plan.init("ioprio", "failed to set io priority", bits);
  }
  if (linux.personality !== undefined) {
    plan.init(
      "personality",
      "failed to set personality",
      known(PER_LINUX, linux.personality.domain, "personality"),
    );
  }
}
