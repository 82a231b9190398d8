/** Builds: BuildKit's doors, `POST /session` and `POST /grpc`, and the classic builder: until there is a builder behind them, a reason. */
import { SkiffError } from "../../../lib/errors.ts";
import type { Route } from "../router.ts";

function refuse(): never {
  throw new SkiffError("unimplemented", "building images is not implemented by skiffd");
}

export function sessionRoutes(): Route[] {
  return [
    { method: "POST", pattern: "/session", handle: refuse },
    { method: "POST", pattern: "/grpc", handle: refuse },
    { method: "POST", pattern: "/build", handle: refuse },
    { method: "POST", pattern: "/build/cancel", handle: refuse },
  ];
}
