/** Follows containerd's events for as long as skiffd lives, and looks up what it may have missed after each (re)connection. */
import { messageOf } from "../../lib/errors.ts";
import { withState } from "./container.ts";
import { handleExecExit } from "./exec.ts";
import type { Execs } from "./execs.ts";
import { handleExit } from "./exit.ts";
import { whenHalted } from "./health/changes.ts";
import { type Parts, publish } from "./parts.ts";
import type { TaskEvent, TaskEvents } from "./ports.ts";
import { reconcile } from "./recover.ts";

type EventParts = Parts & { readonly execs: Execs };

const RECONNECT_MS = 100;

async function handle(parts: EventParts, event: TaskEvent): Promise<void> {
  switch (event.kind) {
    case "connected":
      return reconcile(parts);
    case "exit":
      if (event.execId !== "" && event.execId !== event.id)
        return handleExecExit(parts, event.execId, event.exitStatus);
      return handleExit(parts, event.id, event);
    case "oom": {
      const container = parts.registry.change(event.id, (now) => withState(now, { oomKilled: true }));
      if (container !== undefined) publish(parts, container, "oom");
      return;
    }
    // Our own pause and resume have written it down already; somebody else's (ctr) is news.
    case "paused":
    case "resumed": {
      const [from, to] =
        event.kind === "paused" ? (["running", "paused"] as const) : (["paused", "running"] as const);
      parts.registry.change(event.id, (now) =>
        now.state.status === from
          ? withState(now, { status: to, ...(to === "paused" ? whenHalted(now) : {}) })
          : now,
      );
    }
  }
}

/** Returns when the signal is aborted. Events are taken as they come; those of one container wait for each other at its lock. */
export async function followTaskEvents(
  parts: EventParts,
  source: TaskEvents,
  signal: AbortSignal,
): Promise<void> {
  const report = (error: unknown) => {
    if (!signal.aborted) parts.log(`task events: ${messageOf(error)}`);
  };
  while (!signal.aborted) {
    try {
      for await (const event of source.subscribe(signal)) handle(parts, event).catch(report);
    } catch (error) {
      report(error);
    }
    if (!signal.aborted) await Bun.sleep(RECONNECT_MS);
  }
}
