/** `POST /containers/{id}/wait`: the answer's headers go out at once, so the check comes before the waiting. */
import { SkiffError } from "../../lib/errors.ts";
import { isRunning } from "./container.ts";
import type { Parts } from "./parts.ts";
import type { ExitReport } from "./waiters.ts";

export const WAIT_CONDITIONS = ["not-running", "next-exit", "removed"] as const;
export type WaitCondition = (typeof WAIT_CONDITIONS)[number];

export function parseWaitCondition(text: string): WaitCondition {
  if (text === "") return "not-running";
  const known = WAIT_CONDITIONS.find((condition) => condition === text);
  if (known === undefined) throw new SkiffError("invalid_argument", `invalid condition: "${text}"`);
  return known;
}

/**
 * Throws at once when there is no such container; otherwise answers a function's worth of waiting. The signal forgets it.
 * A container that is `restarting` counts as running: its policy has not given up.
 */
export function waitContainer(
  parts: Pick<Parts, "registry" | "waiters">,
  reference: string,
  condition: WaitCondition,
  signal: AbortSignal,
): { readonly report: Promise<ExitReport> } {
  const container = parts.registry.get(reference);
  const { id, state } = container;
  const runs = isRunning(container) || state.status === "restarting";
  if (condition === "not-running" && !runs)
    return { report: Promise.resolve({ StatusCode: state.exitCode }) };
  return { report: parts.waiters.next(id, condition === "removed" ? "removed" : "exit", signal) };
}
