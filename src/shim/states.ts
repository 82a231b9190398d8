/** What may be done to a process in which state; a refusal has containerd's words (cmd/containerd-shim-runc-v2/process/init_state.go). */
import type { TaskStatus } from "../contracts/shim/task.ts";
import { SkiffError } from "../lib/errors.ts";

type Verb = "start" | "delete" | "exec" | "pause" | "resume" | "update" | "stat";

const ALLOWED: Readonly<Record<Verb, readonly TaskStatus[]>> = {
  start: ["created"],
  delete: ["created", "stopped"],
  exec: ["created", "running"],
  pause: ["running"],
  resume: ["paused"],
  update: ["created", "running", "paused"],
  stat: ["created", "running", "paused"],
};

function refusal(verb: Verb, status: TaskStatus): string {
  if (verb === "exec") return `cannot exec in a ${status} state`;
  if (status === "created") return `cannot ${verb} task in created state`;
  const noun = verb === "start" || verb === "delete" ? "process" : "container";
  return `cannot ${verb} a ${status} ${noun}`;
}

/** Throws `failed_precondition` unless `verb` is allowed in `status`. */
export function checkTransition(verb: Verb, status: TaskStatus): void {
  if (!ALLOWED[verb].includes(status)) throw new SkiffError("failed_precondition", refusal(verb, status));
}
