/**
 * A container as skiffd keeps it: what was asked for (`config`, `hostConfig`), what was decided at create (`image`, `mounts`), and how it is
 * (`state`). Records are plain, frozen data; a change makes a new record and one transaction in the registry.
 *
 *     created ──start──► running ◄──pause/unpause──► paused
 *        │                  │ exit
 *        └────rm────►   exited ──start──► running …   removing ──► (gone)
 */
import type { ContainerConfig, EndpointSettings, HostConfig } from "./config.ts";
import type { Health } from "./health/health.ts";

export type Status = "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";

/** `2006-01-02T15:04:05Z` of year one: how Docker writes "never". */
export const NEVER = "0001-01-01T00:00:00Z";

export interface ContainerState {
  readonly status: Status;
  readonly pid: number;
  readonly exitCode: number;
  readonly error: string;
  readonly oomKilled: boolean;
  /** RFC 3339 with nanoseconds, or NEVER. */
  readonly startedAt: string;
  readonly finishedAt: string;
  /** `docker stop` or `docker kill` by the user: `unless-stopped` then does not start it again, not even with the daemon. */
  readonly stoppedByUser: boolean;
  /** The user's signal means its end: no policy starts it again after this run. */
  readonly exitOnNext: boolean;
  /** Since the user (or the daemon's start) has started it; counted at the exit. */
  readonly restartCount: number;
  /** From its first start on, where it has a healthcheck. */
  readonly health?: Health;
}

export const CREATED: ContainerState = Object.freeze({
  status: "created",
  pid: 0,
  exitCode: 0,
  error: "",
  oomKilled: false,
  startedAt: NEVER,
  finishedAt: NEVER,
  stoppedByUser: false,
  exitOnNext: false,
  restartCount: 0,
});

/** A mount of the container, as `docker inspect` shows it, and what is needed to make it. */
export interface MountPoint {
  readonly type: "bind" | "volume" | "tmpfs";
  /** Volume's name; "" otherwise. */
  readonly name: string;
  /** Host path; "" for tmpfs. */
  readonly source: string;
  readonly destination: string;
  readonly driver: string;
  /** The option words after the destination (`ro,z`), or a tmpfs' data. */
  readonly mode: string;
  readonly rw: boolean;
  readonly propagation: string;
  /** Fill an empty volume with what the image has at the destination. */
  readonly copyUp: boolean;
  /** Made for this container alone: removed with `rm -v`. */
  readonly anonymous: boolean;
  readonly recursive: boolean;
  readonly subpath: string;
  /** Written with -v or VOLUME: a missing bind source is made. */
  readonly createSource: boolean;
}

export interface ContainerImage {
  /** Digest of the target descriptor; what `Image` of inspect says. */
  readonly id: string;
  /** As the user wrote it. */
  readonly reference: string;
  readonly platform: string;
  /** Snapshot on which the container's own one lies (a chain id). */
  readonly chainId: string;
  readonly manifest?: { readonly mediaType: string; readonly digest: string; readonly size: number };
}

export interface ContainerRecord {
  /** 64 hex digits. */
  readonly id: string;
  /** Without Docker's leading slash. */
  readonly name: string;
  /** RFC 3339 with nanoseconds. */
  readonly created: string;
  readonly image: ContainerImage;
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  /** By network name, as asked for at create or by `network connect`; addresses are the network service's to know. */
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
  readonly mounts: readonly MountPoint[];
  readonly state: ContainerState;
}

export function isRunning(container: ContainerRecord): boolean {
  const { status } = container.state;
  return status === "running" || status === "paused";
}

/** A new record with a changed state. */
export function withState(container: ContainerRecord, change: Partial<ContainerState>): ContainerRecord {
  return { ...container, state: { ...container.state, ...change } };
}
