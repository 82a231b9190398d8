/** What is asked of registries themselves: `/distribution/{name}/json`, `/auth`. */
import { SkiffError } from "../../../lib/errors.ts";
import { parseCredentials } from "../../images/credentials.ts";
import { inspectDistribution } from "../../images/distribution.ts";
import { login } from "../../images/login.ts";
import type { OpenedImages } from "../../images/open.ts";
import type { Route } from "../router.ts";

export function distributionRoutes({ parts }: Pick<OpenedImages, "parts">): Route[] {
  return [
    {
      method: "GET",
      pattern: "/distribution/{name...}/json",
      handle: async (context) => {
        const credentials = parseCredentials(context.request.headers.get("x-registry-auth"));
        context.json(200, await inspectDistribution(parts, context.params["name"]!, credentials));
      },
    },
    {
      method: "POST",
      pattern: "/auth",
      handle: async (context) => {
        const body = await context.body();
        const header = Buffer.from(JSON.stringify(body)).toString("base64url");
        const credentials = parseCredentials(header);
        if (credentials === undefined) throw new SkiffError("invalid_argument", "no credentials");
        const address = typeof body["serveraddress"] === "string" ? body["serveraddress"] : "";
        context.json(200, await login(parts, address, credentials));
      },
    },
  ];
}
