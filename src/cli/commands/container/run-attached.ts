/** The part of `run` that comes after the container is made; loaded while the daemon makes it. */
import { isTerminal } from "../../../kernel/stdout.ts";
import type { Context } from "../../command.ts";
import { attachStreams } from "../../streams/attach.ts";
import { proxySignals } from "../../streams/signals.ts";
import { followSize } from "../../streams/terminal.ts";
import type { CreateCall } from "./create-request.ts";
import { orStartError } from "./start-error.ts";
import { startWaiting } from "./wait-for.ts";

export async function runAttached(
  context: Context,
  id: string,
  { attach, body }: CreateCall,
): Promise<number> {
  const { client, settings } = context;
  const tty = body.Tty === true;
  const removed = body.HostConfig?.AutoRemove === true;
  const detachKeys = context.text("detach-keys") || (settings.config.detachKeys ?? "");
  const query = { stream: true, ...attach, detachKeys };
  const [response, { exit }] = await Promise.all([
    client.send("POST", `/containers/${id}/attach`, { query, hijack: true }),
    startWaiting(client, id, removed),
  ]);
  using attached = attachStreams(response.stream!, { tty, ...attach, detachKeys });
  const stopProxy = context.bool("sig-proxy") && !tty ? proxySignals(client, id) : () => {};
  let stopSize = () => {};
  try {
    await orStartError(
      client.post(`/containers/${id}/start`).catch(async (error: unknown) => {
        // It removes itself: who asks for the same name next must not find it.
        if (removed) await exit.catch(() => undefined);
        throw error;
      }),
    );
    if (tty && isTerminal(1)) stopSize = followSize(client, `/containers/${id}/resize`);
    if ((await attached.output) === "detached") return 0;
    return await exit;
  } finally {
    stopProxy();
    stopSize();
  }
}
