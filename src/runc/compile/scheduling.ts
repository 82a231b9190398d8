/** Scheduler, I/O priority and personality of the process (sched_setattr(2), ioprio_set(2), personality(2)). */
import type { Scheduler } from "../../contracts/oci/spec.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { ProcessCompilation } from "./context.ts";
import { compileMemoryPolicy } from "./memory-policy.ts";

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
const DEADLINE_NS_MIN = 1024;
const DEADLINE_NS_MAX = 2 ** 63;
const IO_CLASS_SHIFT = 13;
const PER_LINUX: Readonly<Record<string, number>> = { LINUX: 0, LINUX32: 8 };

function known(table: Readonly<Record<string, number>>, name: string, what: string): number {
  const value = Object.hasOwn(table, name) ? table[name] : undefined;
  if (value === undefined) throw new SkiffError("invalid_argument", `invalid ${what}: ${name}`);
  return value;
}

function failDeadline(why: string): never {
  throw new SkiffError("invalid_argument", `sched_setattr: \`SCHED_DEADLINE\` ${why}`);
}

/** The kernel says only "invalid argument" of these (sched(7)): 2^10 ns ≤ runtime ≤ deadline ≤ period. */
function checkDeadline({ runtime, deadline, period = 0 }: Scheduler): void {
  if (runtime === undefined) failDeadline("requires `runtime`");
  if (deadline === undefined) failDeadline("requires `deadline`");
  if (runtime === 0) failDeadline("runtime must be greater than 0");
  if (runtime < DEADLINE_NS_MIN || runtime >= DEADLINE_NS_MAX)
    failDeadline(`runtime ${runtime} must be between ${DEADLINE_NS_MIN} and ${DEADLINE_NS_MAX}`);
  if (runtime > deadline) failDeadline(`runtime ${runtime} must be <= deadline ${deadline}`);
  if (period !== 0 && deadline > period) failDeadline(`deadline ${deadline} must be <= period ${period}`);
}

export function compileScheduling({ process, linux, plan }: ProcessCompilation): void {
  const { scheduler, ioPriority } = process;
  if (scheduler !== undefined) {
    const { nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 } = scheduler;
    const policy = known(POLICIES, scheduler.policy, "scheduler policy");
    if (scheduler.policy === "SCHED_DEADLINE") checkDeadline(scheduler);
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
  if (linux.memoryPolicy !== undefined) {
    const { mode, mask } = compileMemoryPolicy(linux.memoryPolicy);
    plan.init("mempolicy", "failed to set memory policy", mode, mask);
  }
  if (linux.personality !== undefined) {
    plan.init(
      "personality",
      "failed to set personality",
      known(PER_LINUX, linux.personality.domain, "personality"),
    );
  }
}
