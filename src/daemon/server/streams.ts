/** A hijacked connection as the containers want it. */
import type { ClientStream } from "../containers/streams.ts";
import type { RouteContext } from "./context.ts";
import { streamType } from "./versions/apply.ts";

/** Without `Upgrade` the stream has always been called raw. */
export function hijack(context: RouteContext, tty: boolean): ClientStream {
  const upgrade = context.request.headers.get("upgrade") !== undefined;
  return context.response.hijack(upgrade ? streamType(context.version, tty) : undefined);
}
