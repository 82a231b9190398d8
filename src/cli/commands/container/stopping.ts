/** What `stop` and `restart` share: how the container is to be ended. */
import { type Context, type Flag, int, text } from "../../command.ts";
import { forAllNames, inPath } from "../each.ts";

export const STOP_FLAGS: readonly Flag[] = [
  text("signal", "Signal to send to the container", { short: "s" }),
  int("timeout", "Seconds to wait before killing the container", { short: "t" }),
  { ...int("time", "Seconds to wait before killing the container"), hidden: true },
];

export function stopEach(context: Context, verb: "stop" | "restart"): Promise<number> {
  return forAllNames(context.words, async (name) => {
    const query = { signal: context.text("signal"), t: context.text("timeout") || context.text("time") };
    await context.client.post(`/containers/${inPath(name)}/${verb}`, { query });
    return name;
  });
}
