/** From method and path to a handler. `{id}` matches one segment, `{name...}` several: image names have slashes. */
import type { RouteContext } from "./context.ts";

export type Handler = (context: RouteContext) => Promise<void> | void;

export interface Route {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS";
  readonly pattern: string;
  readonly handle: Handler;
}

export interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

export interface Router {
  match(method: string, path: string): Match | undefined;
}

function compile(pattern: string): RegExp {
  const source = pattern
    .replace(/[.*+?^$()|[\]\\]/g, (char) => (char === "." ? "." : `\\${char}`))
    .replace(/\{(\w+)\.\.\.\}/g, "(?<$1>.+)")
    .replace(/\{(\w+)\}/g, "(?<$1>[^/]+)");
  return new RegExp(`^${source}/?$`, "s");
}

export function createRouter(routes: readonly Route[]): Router {
  const fixed = new Map<string, Match>();
  const patterns: { readonly route: Route; readonly regex: RegExp }[] = [];
  for (const route of routes) {
    if (route.pattern.includes("{")) patterns.push({ route, regex: compile(route.pattern) });
    else fixed.set(`${route.method} ${route.pattern}`, { route, params: {} });
  }
  return {
    match(method, path) {
      const known = fixed.get(`${method} ${path}`);
      if (known !== undefined) return known;
      for (const { route, regex } of patterns) {
        if (route.method !== method) continue;
        const match = regex.exec(path);
        if (match !== null) return { route, params: { ...match.groups } };
      }
      return undefined;
    },
  };
}
