/** A line of `GET /events`. */
export interface Event {
  /** The first three are older names of Action, Actor.ID and image, for containers and images only. */
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
  readonly Type: EventType;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: "local" | "swarm";
  /** Seconds and nanoseconds since the epoch; the latter is beyond a JavaScript number's precision. */
  readonly time: number;
  readonly timeNano: number;
}

export type EventType = "container" | "image" | "volume" | "network" | "daemon";
