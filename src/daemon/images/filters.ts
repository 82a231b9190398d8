/** Filters of `docker images` and `docker image prune`. */
import { SkiffError } from "../../lib/errors.ts";
import { familiarName, familiarString } from "../../lib/reference.ts";
import { type Filters, matchesLabel } from "../containers/filters.ts";
import { parseUntil } from "../containers/prune.ts";
import { isDangling, tryParseReference } from "./names.ts";
import type { ImageParts } from "./parts.ts";
import { findImage } from "./store.ts";
import { look, type Summarized } from "./summary.ts";

export const LIST_FILTERS = ["dangling", "label", "label!", "before", "since", "reference", "until"];
export const PRUNE_FILTERS = ["dangling", "label", "label!", "until"];

const TRUE = new Set(["1", "true"]);
const FALSE = new Set(["0", "false"]);

/** @throws invalid_argument; undefined when not asked for */
export function booleanFilter(filters: Filters, name: string): boolean | undefined {
  const values = filters.get(name) ?? [];
  if (values.length === 0) return undefined;
  const value = values[0]!.toLowerCase();
  if (values.length > 1 || (!TRUE.has(value) && !FALSE.has(value)))
    throw new SkiffError("invalid_argument", `invalid filter '${name}=[${values.join(" ")}]'`);
  return TRUE.has(value);
}

/** Go's path.Match without its escapes: `*` and `?` stop at `/`. */
function glob(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^$(){}|\\]/g, "\\$&")
    .replace(/\*+/g, "[^/]*")
    .replace(/\?/g, "[^/]");
  try {
    return new RegExp(`^${source}$`);
  } catch {
    throw new SkiffError(
      "invalid_argument",
      `invalid filter 'reference=${pattern}': syntax error in pattern`,
    );
  }
}

/** As `reference.FamiliarMatch`: against `name:tag`, or the name alone. */
export function matchesReference(name: string, pattern: string): boolean {
  const reference = tryParseReference(name);
  if (reference === undefined) return false;
  const regex = glob(pattern.slice(0, 1024));
  return regex.test(familiarString(reference)) || regex.test(familiarName(reference));
}

export type Filter = (image: Summarized) => boolean;

async function createdOf(parts: ImageParts, reference: string): Promise<number> {
  return (await look(parts, [await findImage(parts, reference)])).created;
}

/** One test per filter that is about the image and not about one of its names. @throws not_found (before, since), invalid_argument */
export async function imageFilters(parts: ImageParts, filters: Filters): Promise<readonly Filter[]> {
  const tests: Filter[] = [];
  for (const reference of filters.get("before") ?? []) {
    const limit = await createdOf(parts, reference);
    tests.push(({ created }) => created < limit);
  }
  for (const reference of filters.get("since") ?? []) {
    const limit = await createdOf(parts, reference);
    tests.push(({ created }) => created > limit);
  }
  for (const text of filters.get("until") ?? []) {
    const limit = parseUntil(text, parts.clock.now()) / 1000;
    tests.push(({ created }) => created < limit);
  }
  for (const wanted of filters.get("label") ?? [])
    tests.push(({ labels }) =>
      wanted.includes("!=")
        ? !matchesLabel(labels ?? {}, wanted.replace("!=", "="))
        : matchesLabel(labels ?? {}, wanted),
    );
  for (const unwanted of filters.get("label!") ?? [])
    tests.push(({ labels }) => !matchesLabel(labels ?? {}, unwanted));
  const dangling = booleanFilter(filters, "dangling");
  if (dangling !== undefined) tests.push(({ images }) => images.every(isDangling) === dangling);
  return tests;
}
