/**
 * One loop per container that runs and has a healthcheck: wait, probe, write the result down, again. `follow` is told every change of a
 * record and starts and ends loops by it, so that no verb needs to know of them.
 */
import { type Clock, rfc3339Nano, type Timers } from "../../../lib/clock.ts";
import { messageOf } from "../../../lib/errors.ts";
import { type ContainerRecord, withState } from "../container.ts";
import { type Parts, publish } from "../parts.ts";
import type { Registry } from "../registry.ts";
import { nextProbeMs, type ProbeResult, probeCommand, withResult } from "./health.ts";

export interface ProbeOutcome {
  readonly exitCode: number;
  readonly output: string;
}

/** Runs a command in the container. It must end soon after `gone` is aborted; when it cannot run at all, it throws. */
export type Probe = (
  container: ContainerRecord,
  command: readonly string[],
  gone: AbortSignal,
) => Promise<ProbeOutcome>;

export interface MonitorParts extends Pick<Parts, "events"> {
  readonly registry: Pick<Registry, "find" | "change">;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly probe: Probe;
}

export interface HealthMonitors {
  follow(id: string, after: ContainerRecord | undefined): void;
  /** The daemon ends; a probe at work is given up and not counted. */
  close(): void;
}

interface Loop {
  /** Which run of the container it watches. */
  readonly startedAt: string;
  readonly ended: AbortController;
  cancelWait: () => void;
}

const commandFor = ({ config }: ContainerRecord) =>
  probeCommand(config.Healthcheck, config.Shell ?? undefined);

async function probeOnce(parts: MonitorParts, container: ContainerRecord, loop: Loop): Promise<ProbeResult> {
  const Start = rfc3339Nano(parts.clock.nowNs());
  const outcome = await parts
    .probe(container, commandFor(container)!, loop.ended.signal)
    .catch((error: unknown) => ({ exitCode: -1, output: messageOf(error) }));
  const End = rfc3339Nano(parts.clock.nowNs());
  return { Start, End, ExitCode: outcome.exitCode, Output: outcome.output };
}

function writeDown(parts: MonitorParts, before: ContainerRecord, result: ProbeResult): void {
  const upMs = Date.parse(result.Start) - Date.parse(before.state.startedAt);
  const after = parts.registry.change(before.id, (now) =>
    now.state.health === undefined
      ? now
      : withState(now, { health: withResult(now.state.health, now.config.Healthcheck!, result, upMs) }),
  );
  const status = after?.state.health?.Status;
  if (after !== undefined && status !== before.state.health?.Status)
    publish(parts, after, `health_status: ${status}`);
}

export function createHealthMonitors(parts: MonitorParts): HealthMonitors {
  const loops = new Map<string, Loop>();
  let closed = false;
  const end = (id: string): void => {
    const loop = loops.get(id);
    loops.delete(id);
    loop?.cancelWait();
    loop?.ended.abort();
  };
  const wait = ({ id, config, state }: ContainerRecord, loop: Loop): void => {
    const upMs = parts.clock.now() - Date.parse(state.startedAt);
    const pauseMs = nextProbeMs(config.Healthcheck!, state.health!, upMs);
    loop.cancelWait = parts.timers.after(pauseMs, () => void turn(id, loop));
  };
  const turn = async (id: string, loop: Loop): Promise<void> => {
    const result = await probeOnce(parts, parts.registry.find(id)!, loop);
    const before = parts.registry.find(id);
    if (loop.ended.signal.aborted || before === undefined) return;
    writeDown(parts, before, result);
    wait(parts.registry.find(id)!, loop);
  };
  return {
    follow(id, after) {
      const wanted = after?.state.status === "running" && after.state.health !== undefined;
      const loop = loops.get(id);
      if (loop !== undefined && (!wanted || loop.startedAt !== after.state.startedAt)) end(id);
      if (closed || !wanted || loops.has(id) || commandFor(after) === undefined) return;
      const begun: Loop = {
        startedAt: after.state.startedAt,
        ended: new AbortController(),
        cancelWait: () => {},
      };
      loops.set(id, begun);
      wait(after, begun);
    },
    close() {
      closed = true;
      for (const id of [...loops.keys()]) end(id);
    },
  };
}
