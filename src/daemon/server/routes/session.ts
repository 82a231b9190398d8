/** BuildKit's doors, `POST /session` and `POST /grpc`: until there is a BuildKit behind them, a reason. */
import { SkiffError } from "../../../lib/errors.ts";
import type { Route } from "../router.ts";

function refuse(): never {
  throw new SkiffError("unimplemented", "BuildKit is not implemented by skiffd");
}

export function sessionRoutes(): Route[] {
  return [
    { method: "POST", pattern: "/session", handle: refuse },
    { method: "POST", pattern: "/grpc", handle: refuse },
  ];
}
