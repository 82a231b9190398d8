/** Filters of `docker network ls` and of prune. */
import { SkiffError } from "../../lib/errors.ts";
import { type Filters, matchesLabel } from "../containers/filters.ts";
import type { NetworkResource } from "./network.ts";

export const LIST_FILTERS = ["dangling", "driver", "id", "label", "name", "scope", "type"];
export const PRUNE_FILTERS = ["label", "label!", "until"];
export const PREDEFINED: ReadonlySet<string> = new Set(["bridge", "host", "none", "default"]);

export interface Filtered {
  readonly network: NetworkResource;
  /** A container is connected to it. */
  readonly used: boolean;
}

/** Patterns longer than this are taken as text. */
const PATTERN_MAX = 512;

function matchesText(text: string, pattern: string): boolean {
  if (text === pattern) return true;
  if (pattern.length > PATTERN_MAX) return false;
  try {
    return new RegExp(pattern).test(text);
  } catch {
    return text.includes(pattern);
  }
}

function isDangling({ network, used }: Filtered): boolean {
  return !PREDEFINED.has(network.Name) && !used;
}

function asBoolean(name: string, value: string): boolean {
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw new SkiffError("invalid_argument", `invalid filter '${name}=[${value}]'`);
}

type Test = (one: Filtered, value: string) => boolean;

const TESTS: Readonly<Record<string, Test>> = {
  dangling: (one, value) => isDangling(one) === asBoolean("dangling", value),
  driver: ({ network }, value) => network.Driver === value,
  id: ({ network }, value) => matchesText(network.Id, value),
  name: ({ network }, value) => matchesText(network.Name, value),
  scope: ({ network }, value) => network.Scope === value,
  type({ network }, value) {
    if (value !== "builtin" && value !== "custom")
      throw new SkiffError("invalid_argument", `invalid filter: 'type'='${value}'`);
    return PREDEFINED.has(network.Name) === (value === "builtin");
  },
};

/** Values of one filter are alternatives; labels must all be there. */
export function matchesNetwork(one: Filtered, filters: Filters): boolean {
  for (const [name, values] of filters) {
    if (name === "label") {
      if (!values.every((value) => matchesLabel(one.network.Labels, value))) return false;
    } else if (values.length > 0 && !values.some((value) => TESTS[name]!(one, value))) return false;
  }
  return true;
}

const UNITS_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** A point in time: Unix seconds, a date, or a Go duration before `nowMs`. */
function untilMs(text: string, nowMs: number): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)];
  if (parts.length > 0 && parts.map(([whole]) => whole).join("") === text)
    return nowMs - parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS_MS[unit!]!, 0);
  const date = Date.parse(text);
  if (Number.isNaN(date))
    throw new SkiffError("invalid_argument", `failed to parse value as time or duration: "${text}"`);
  return date;
}

/** What prune may take away, in use or not. */
export function matchesPrune(network: NetworkResource, filters: Filters, nowMs: number): boolean {
  const until = filters.get("until") ?? [];
  if (until.length > 1) throw new SkiffError("invalid_argument", "more than one until filter specified");
  if (until[0] !== undefined && Date.parse(network.Created) > untilMs(until[0], nowMs)) return false;
  const has = (value: string) => matchesLabel(network.Labels, value);
  return (filters.get("label") ?? []).every(has) && !(filters.get("label!") ?? []).some(has);
}
