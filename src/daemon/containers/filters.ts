/** Filters of `docker ps` and of prune. */
import { SkiffError } from "../../lib/errors.ts";
import type { ContainerRecord } from "./container.ts";
import { HEALTH_STATUSES } from "./health/health.ts";

/** Name of the filter → its values; values of one filter are alternatives (but labels must all be there). */
export type Filters = ReadonlyMap<string, readonly string[]>;

const STATUSES = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];

/** The `filters` parameter: `{"name":["x"]}`, or the older `{"name":{"x":true}}`. */
export function parseFilters(json: string, known: readonly string[] | "any"): Filters {
  if (json === "") return new Map();
  const invalid = (why: string) => new SkiffError("invalid_argument", `invalid filter${why}`);
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch {
    throw invalid("");
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) throw invalid("");
  return new Map(
    Object.entries(document).map(([name, values]) => {
      if (known !== "any" && !known.includes(name)) throw invalid(` '${name}'`);
      const list: unknown[] = Array.isArray(values) ? values : Object.keys((values as object | null) ?? {});
      if (!list.every((value) => typeof value === "string")) throw invalid(` '${name}'`);
      return [name, list as string[]];
    }),
  );
}

export const LIST_FILTERS = [
  ..."ancestor before exited expose health id is-task isolation label name network publish since status volume".split(
    " ",
  ),
];

export interface FilterContext {
  find(reference: string): ContainerRecord;
  portsOf(container: ContainerRecord): readonly { PrivatePort: number; PublicPort?: number; Type: string }[];
  networksOf(container: ContainerRecord): Readonly<Record<string, { NetworkID: string }>>;
}

type Test = (container: ContainerRecord, value: string, context: FilterContext) => boolean;

export function matchesLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const [key = "", ...rest] = wanted.split("=");
  return Object.hasOwn(labels, key) && (rest.length === 0 || labels[key] === rest.join("="));
}

/** A value is a regular expression where Go would take it as one; a bad one matches as text. */
function matchesText(text: string, pattern: string): boolean {
  if (text === pattern) return true;
  // Bounded: patterns come from clients that may do anything anyway, but not by accident.
  if (pattern.length > 512) return false;
  try {
    return new RegExp(pattern).test(text);
  } catch {
    return text.includes(pattern);
  }
}

function parsePort(value: string): { first: number; last: number; type: string } {
  const match = /^([0-9]+)(?:-([0-9]+))?(?:\/(tcp|udp|sctp))?$/.exec(value);
  if (match === null) throw new SkiffError("invalid_argument", `invalid filter: invalid port: ${value}`);
  return { first: Number(match[1]), last: Number(match[2] ?? match[1]), type: match[3] ?? "tcp" };
}

const withTag = (reference: string) =>
  /[:@]/.test(reference.split("/").at(-1)!) ? reference : `${reference}:latest`;

const TESTS: Readonly<Record<string, Test>> = {
  id: ({ id }, value) => matchesText(id, value),
  name: ({ name }, value) => matchesText(name, value) || matchesText(`/${name}`, value),
  status: ({ state }, value) => {
    if (!STATUSES.includes(value))
      throw new SkiffError("invalid_argument", `invalid filter 'status=${value}'`);
    return state.status === value;
  },
  exited: ({ state }, value) => {
    if (!/^-?[0-9]+$/.test(value))
      throw new SkiffError("invalid_argument", `invalid filter 'exited=${value}'`);
    return state.status === "exited" && state.exitCode === Number(value);
  },
  ancestor: ({ image, config }, value) =>
    withTag(config.Image) === withTag(value) || image.id === value || image.id.startsWith(`sha256:${value}`),
  before: ({ created }, value, { find }) => created < find(value).created,
  since: ({ created }, value, { find }) => created > find(value).created,
  volume: ({ mounts }, value) =>
    mounts.some(({ name, destination }) => name === value || destination === value),
  network: (container, value, { networksOf }) =>
    Object.entries(networksOf(container)).some(
      ([name, { NetworkID }]) => name === value || (value !== "" && NetworkID.startsWith(value)),
    ),
  publish: (container, value, { portsOf }) => {
    const { first, last, type } = parsePort(value);
    return portsOf(container).some(
      ({ PublicPort = 0, Type }) => Type === type && PublicPort >= first && PublicPort <= last,
    );
  },
  expose: (container, value, { portsOf }) => {
    const { first, last, type } = parsePort(value);
    return portsOf(container).some(
      ({ PrivatePort, Type }) => Type === type && PrivatePort >= first && PrivatePort <= last,
    );
  },
  health: ({ state }, value) => {
    if (!HEALTH_STATUSES.some((status) => status === value))
      throw new SkiffError("invalid_argument", `unrecognized filter value for health: ${value}`);
    return (state.health?.Status ?? "none") === value;
  },
  "is-task": (_container, value) => value === "false" || value === "0",
  isolation: (_container, value) => value === "default",
};

export function matches(container: ContainerRecord, filters: Filters, context: FilterContext): boolean {
  for (const [name, values] of filters) {
    if (name === "label") {
      if (!values.every((value) => matchesLabel(container.config.Labels, value))) return false;
    } else if (values.length > 0 && !values.some((value) => TESTS[name]!(container, value, context))) {
      return false;
    }
  }
  return true;
}
