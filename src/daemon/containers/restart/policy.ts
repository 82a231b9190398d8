/** Whether a container that has ended is started again, as dockerd's restart manager decides. */
import { type ContainerRecord, NEVER } from "../container.ts";

function policySays({ state, hostConfig }: ContainerRecord): boolean {
  const { Name, MaximumRetryCount } = hostConfig.RestartPolicy;
  switch (Name) {
    case "always":
      return true;
    case "unless-stopped":
      return !state.stoppedByUser;
    case "on-failure":
      return state.exitCode !== 0 && (MaximumRetryCount === 0 || state.restartCount < MaximumRetryCount);
    default:
      return false;
  }
}

/** At its exit. */
export function shouldRestart(ended: ContainerRecord): boolean {
  return !ended.state.exitOnNext && policySays(ended);
}

/**
 * With the daemon's start. dockerd has forgotten there what the user's signal meant: `always` revives what had been stopped, and so does
 * `on-failure` where the stop's exit code was not 0. What has never run is left alone; a restart that was planned is kept.
 */
export function wantsRevival(container: ContainerRecord): boolean {
  const { status, startedAt } = container.state;
  if (status === "restarting") return true;
  return status === "exited" && startedAt !== NEVER && policySays(container);
}
