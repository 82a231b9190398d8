/** `/_ping`, `/version`, `/info`, `/auth`, `/system/df`. */
import { SkiffError } from "../../../lib/errors.ts";
import type { ImageParts } from "../../images/parts.ts";
import type { UsageParts } from "../../system/disk-usage.ts";
import type { SystemParts } from "../../system/parts.ts";
import { versionView } from "../../system/version.ts";
import type { RouteContext } from "../context.ts";
import type { Route } from "../router.ts";

export interface SystemRouteParts {
  readonly system: SystemParts;
  readonly usage: UsageParts;
}

function ping({ response, request }: RouteContext): void {
  response.header("Cache-Control", "no-cache, no-store, must-revalidate");
  response.header("Pragma", "no-cache");
  response.header("Builder-Version", "1");
  response.header("Swarm", "inactive");
  response.send(200, request.method === "HEAD" ? "" : "OK", "text/plain; charset=utf-8");
}

async function auth(parts: ImageParts, context: RouteContext): Promise<void> {
  const { login } = await import("../../images/login.ts");
  const body = await context.body();
  const text = (name: string) => (typeof body[name] === "string" ? (body[name] as string) : "");
  const credentials = {
    username: text("username"),
    password: text("password"),
    identityToken: text("identitytoken"),
    registryToken: text("registrytoken"),
  };
  context.json(200, await login(parts, text("serveraddress"), credentials as never));
}

async function df(parts: UsageParts, context: RouteContext): Promise<void> {
  const { diskUsage } = await import("../../system/disk-usage.ts");
  context.json(200, await diskUsage(parts, context.request.query.getAll("type")));
}

/** dockerd's, and only for a client that asks for it by name. */
function noMetrics(): never {
  throw new SkiffError("unimplemented", "debug endpoints are not implemented by skiffd");
}

export function systemRoutes({ system, usage }: SystemRouteParts): Route[] {
  return [
    { method: "GET", pattern: "/_ping", handle: ping },
    { method: "HEAD", pattern: "/_ping", handle: ping },
    { method: "GET", pattern: "/version", handle: (c) => c.json(200, versionView(system.containerd())) },
    {
      method: "GET",
      pattern: "/info",
      handle: async (context) => {
        const { infoView } = await import("../../system/info.ts");
        context.json(200, await infoView(system));
      },
    },
    { method: "POST", pattern: "/auth", handle: (context) => auth(usage.images, context) },
    { method: "GET", pattern: "/system/df", handle: (context) => df(usage, context) },
    { method: "OPTIONS", pattern: "/{path...}", handle: ({ response }) => response.send(200) },
    { method: "GET", pattern: "/debug/{name...}", handle: noMetrics },
  ];
}
