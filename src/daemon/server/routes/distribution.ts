/** `/distribution/{name}/json`. */
import { parseCredentials } from "../../images/credentials.ts";
import { inspectDistribution } from "../../images/distribution.ts";
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
  ];
}
