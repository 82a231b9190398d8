/** `docker search`: the older registry API of Docker Hub, and of registries that still have it. */
import { SkiffError } from "../../lib/errors.ts";
import type { Filters } from "../containers/filters.ts";
import { booleanFilter } from "./filters.ts";
import type { ImageParts } from "./parts.ts";
import { isInsecure, isLoopback } from "./registries.ts";
import { networkProblem } from "./registry-client.ts";

export const SEARCH_FILTERS = ["is-automated", "is-official", "stars"];

export interface SearchResult {
  readonly star_count: number;
  readonly is_official: boolean;
  readonly name: string;
  readonly is_automated: boolean;
  readonly description: string;
}

const LIMIT_DEFAULT = 25;
const LIMIT_MAX = 100;
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
const TIMEOUT_MS = 30_000;

function splitTerm(term: string): { readonly domain: string; readonly query: string } {
  const slash = term.indexOf("/");
  const first = slash < 0 ? "" : term.slice(0, slash);
  const isHost = first === "localhost" || /[.:]/.test(first);
  if (!isHost) return { domain: "index.docker.io", query: term.replace(/^library\//, "") };
  return { domain: first === "docker.io" ? "index.docker.io" : first, query: term.slice(slash + 1) };
}

async function fetchResults(parts: ImageParts, term: string, limit: number): Promise<unknown[]> {
  const { domain, query } = splitTerm(term);
  const insecure = isInsecure(domain, parts.registries);
  const url = `${isLoopback(domain) ? "http" : "https"}://${domain}/v1/search?${new URLSearchParams({ q: query, n: String(limit) })}`;
  let response: Response;
  try {
    const tls = insecure ? { tls: { rejectUnauthorized: false } } : {};
    response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), ...tls } as RequestInit);
  } catch (error) {
    throw new SkiffError("unknown", `Get "${url}": ${networkProblem(url, error)}`, { cause: error });
  }
  if (!response.ok) throw new SkiffError("unknown", `Unexpected status code ${response.status}`);
  const text = await response.text();
  if (text.length > ANSWER_BYTES_MAX) throw new SkiffError("resource_exhausted", "search: answer too long");
  const { results } = JSON.parse(text) as { results?: unknown };
  return Array.isArray(results) ? results : [];
}

function parseResult(value: unknown): SearchResult {
  const json = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const text = (name: string) => (typeof json[name] === "string" ? (json[name] as string) : "");
  return {
    star_count: typeof json["star_count"] === "number" ? json["star_count"] : 0,
    is_official: json["is_official"] === true,
    name: text("name"),
    is_automated: json["is_automated"] === true,
    description: text("description"),
  };
}

function starsFilter(filters: Filters): number {
  const stars = (filters.get("stars") ?? []).map((text) => {
    if (!/^[0-9]{1,9}$/.test(text))
      throw new SkiffError("invalid_argument", `invalid filter 'stars=${text}'`);
    return Number(text);
  });
  return Math.max(0, ...stars);
}

/** @throws invalid_argument, unknown (the registry's fault) */
export async function searchImages(
  parts: ImageParts,
  term: string,
  limit: number | undefined,
  filters: Filters,
): Promise<readonly SearchResult[]> {
  if (term.includes("://"))
    throw new SkiffError(
      "invalid_argument",
      `invalid repository name: repository name (${term}) should not have a scheme`,
    );
  const count = limit === undefined || limit === 0 ? LIMIT_DEFAULT : limit;
  if (count < 1 || count > LIMIT_MAX)
    throw new SkiffError("invalid_argument", `limit ${count} is outside the range of [1, ${LIMIT_MAX}]`);
  const official = booleanFilter(filters, "is-official");
  const automated = booleanFilter(filters, "is-automated");
  const stars = starsFilter(filters);
  return (await fetchResults(parts, term, count))
    .map(parseResult)
    .filter(({ star_count }) => star_count >= stars)
    .filter(({ is_official }) => official === undefined || is_official === official)
    .filter(({ is_automated }) => automated === undefined || is_automated === automated);
}
