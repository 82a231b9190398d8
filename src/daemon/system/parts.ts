/** What the system's answers are made of. */
import type { Clock } from "../../lib/clock.ts";
import type { DaemonOptions } from "../config/options.ts";
import type { ContainerRecord } from "../containers/container.ts";
import type { EventLog } from "../events/log.ts";
import type { Containerd } from "./version.ts";

export interface SystemParts {
  readonly options: DaemonOptions;
  /** The same for the life of the data root. */
  readonly id: string;
  readonly cgroupVersion: 1 | 2;
  readonly apparmor: boolean;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly containerdAddress: string;
  readonly containerd: () => Containerd;
  readonly containers: () => readonly ContainerRecord[];
  readonly imageCount: () => Promise<number>;
}
