/** What a container's start and halt do to its health. */
import type { ContainerRecord, ContainerState } from "../container.ts";
import { probeCommand } from "./health.ts";

type Change = Pick<ContainerState, "health"> | Record<never, never>;

/** Every start is a new beginning; the log of probes stays. */
export function whenStarted({ config, state }: ContainerRecord): Change {
  if (probeCommand(config.Healthcheck, config.Shell ?? undefined) === undefined) return {};
  return { health: { Status: "starting", FailingStreak: 0, Log: state.health?.Log ?? [] } };
}

/** Nobody asks it while it is paused or has ended: dockerd calls that unhealthy, without an event. */
export function whenHalted({ state }: ContainerRecord): Change {
  return state.health === undefined ? {} : { health: { ...state.health, Status: "unhealthy" } };
}
