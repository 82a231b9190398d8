/** The events of the daemon: the newest 256 are kept, as dockerd keeps them, and everything new goes to whoever listens. */
import type { Event, EventType } from "../../contracts/engine/event.ts";
import type { Clock } from "../../lib/clock.ts";
import { SkiffError } from "../../lib/errors.ts";

/** An event with its exact time, which a JSON number cannot hold. */
export interface LoggedEvent {
  readonly event: Omit<Event, "time" | "timeNano">;
  readonly timeNs: bigint;
}

const KEPT_MAX = 256;
/** For one listener who does not read; then it is let go. */
const QUEUE_MAX = 64 * 1024;

export interface EventLog {
  publish(type: EventType, action: string, id: string, attributes: Readonly<Record<string, string>>): void;
  /** Those kept, oldest first. */
  kept(): readonly LoggedEvent[];
  /** What comes from now on, until the signal is aborted. Listening begins with the call. */
  listen(signal: AbortSignal): AsyncIterable<LoggedEvent>;
  listeners(): number;
}

class Listener {
  readonly #queue: LoggedEvent[] = [];
  #wake: () => void = () => {};
  overrun = false;

  push(event: LoggedEvent): void {
    if (this.#queue.length < QUEUE_MAX) this.#queue.push(event);
    else this.overrun = true;
    this.#wake();
  }

  async *read(signal: AbortSignal): AsyncGenerator<LoggedEvent, void> {
    signal.addEventListener("abort", () => this.#wake());
    while (!signal.aborted) {
      const next = this.#queue.shift();
      if (next !== undefined) yield next;
      else if (this.overrun) throw new SkiffError("resource_exhausted", "read events: reader is too slow");
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

/** status, id and from are older names, which only these two kinds have. */
function olderNames(
  type: EventType,
  action: string,
  id: string,
  attributes: Readonly<Record<string, string>>,
): Pick<Event, "status" | "id" | "from"> {
  if (type === "container") {
    const from = attributes["image"];
    return { status: action, id, ...(from === undefined || from === "" ? {} : { from }) };
  }
  return type === "image" ? { status: action, id } : {};
}

export function createEventLog(clock: Clock): EventLog {
  const kept: LoggedEvent[] = [];
  const listeners = new Set<Listener>();
  return {
    kept: () => [...kept],
    listeners: () => listeners.size,
    publish(type, action, id, attributes) {
      const event = {
        ...olderNames(type, action, id, attributes),
        ...{ Type: type, Action: action, Actor: { ID: id, Attributes: attributes }, scope: "local" as const },
      };
      const logged = Object.freeze({ event, timeNs: clock.nowNs() });
      if (kept.length === KEPT_MAX) kept.shift();
      kept.push(logged);
      for (const listener of listeners) listener.push(logged);
    },
    listen(signal) {
      const listener = new Listener();
      listeners.add(listener);
      signal.addEventListener("abort", () => listeners.delete(listener));
      if (signal.aborted) listeners.delete(listener);
      return listener.read(signal);
    },
  };
}

/** A line of the answer. */
export function eventLine({ event, timeNs }: LoggedEvent): string {
  const text = JSON.stringify(event);
  return `${text.slice(0, -1)},"time":${timeNs / 1_000_000_000n},"timeNano":${timeNs}}\n`;
}
