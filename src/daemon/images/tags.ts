/** The tags of a repository, for `docker pull --all-tags`. */
import { SkiffError } from "../../lib/errors.ts";
import type { RegistryOptions } from "./parts.ts";
import { askRegistry, type RegistryTarget } from "./registry-client.ts";

const TAG = /^\w[\w.-]{0,127}$/;
const PAGES_MAX = 1000;

export async function listTags(target: RegistryTarget, registries: RegistryOptions): Promise<string[]> {
  const tags: string[] = [];
  let path = "tags/list";
  for (let page = 0; page < PAGES_MAX; page++) {
    const request = { path, method: "GET", accept: "application/json" } as const;
    const { body, headers } = await askRegistry(target, request, registries);
    const list = (JSON.parse(body.toString()) as { tags?: unknown }).tags;
    if (Array.isArray(list)) tags.push(...list.filter((tag) => typeof tag === "string" && TAG.test(tag)));
    const next = /<[^>]*\?([^>]*)>;\s*rel="?next"?/.exec(headers.get("link") ?? "")?.[1];
    if (next === undefined) return tags;
    path = `tags/list?${next}`;
  }
  throw new SkiffError("resource_exhausted", "list tags: too many pages");
}
