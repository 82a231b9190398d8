/** Filters of `docker events`, as moby's daemon/events/filter.go decides. Names that are no filter are ignored, as there. */
import type { Event } from "../../contracts/engine/event.ts";
import { type Filters, matchesLabel } from "../containers/filters.ts";

/** These match a beginning of id or name, of whatever type the event is: so does dockerd. */
const ACTORS = ["container", "plugin", "daemon", "volume", "network", "service", "node", "secret", "config"];
/** Actions that go on after a colon: `exec_create: sh`. */
const WITH_DETAILS = ["health_status", "exec_create", "exec_start"];

type Plain = Omit<Event, "time" | "timeNano">;

function matchesEvent({ Action }: Plain, values: readonly string[]): boolean {
  return values.some(
    (value) => Action === value || (WITH_DETAILS.includes(value) && Action.startsWith(value)),
  );
}

const withoutTag = (name: string) => name.replace(/:[^/:]*$/, "").replace(/@sha256$/, "");

function matchesImage({ Type, Actor }: Plain, values: readonly string[]): boolean {
  const name = Actor.Attributes[Type === "image" ? "name" : "image"];
  const names = [Actor.ID, ...(name === undefined ? [] : [name, withoutTag(name)]), withoutTag(Actor.ID)];
  return values.some((value) => names.includes(value));
}

export function matchesFilters(event: Plain, filters: Filters): boolean {
  const { Type, Actor, scope } = event;
  for (const [name, values] of filters) {
    if (values.length === 0) continue;
    if (name === "event" && !matchesEvent(event, values)) return false;
    if (name === "type" && !values.includes(Type)) return false;
    if (name === "scope" && !values.includes(scope)) return false;
    if (name === "image" && !matchesImage(event, values)) return false;
    if (name === "label" && !values.every((value) => matchesLabel(Actor.Attributes, value))) return false;
    if (ACTORS.includes(name)) {
      const own = [Actor.ID, Actor.Attributes["name"] ?? ""];
      if (!values.some((value) => own.some((text) => text.startsWith(value)))) return false;
    }
  }
  return true;
}
