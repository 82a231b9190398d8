/** Tells containerd what happens to tasks: Events.Forward by ttrpc, in order. containerd waits for no event, but misses none while it lives. */

import { Events } from "../../contracts/containerd/gen/events_ttrpc_pb.ts";
import { packTaskEvent } from "../../contracts/containerd/task-events.ts";
import { timestampOf } from "../../contracts/containerd/timestamps.ts";
import type { TaskEvent, TaskService } from "../../contracts/shim/task.ts";
import type { Clock } from "../../lib/clock.ts";
import { connectTtrpc, createTtrpcClient, type TtrpcChannel } from "../../wire/ttrpc/client.ts";

const TIMEOUT_MS = 5000;
/** A containerd that restarts is waited for; older events fall out above this many. */
const QUEUE_MAX = 10_000;
const RETRY_MS = 200;

/** `address`: containerd's ttrpc socket. Answers a function that resolves when everything so far has been told or given up. */
export function forwardEvents(tasks: TaskService, address: string, clock: Clock): () => Promise<void> {
  const queue: { readonly event: TaskEvent; readonly atNs: bigint }[] = [];
  let channel: TtrpcChannel | undefined;
  let working: Promise<void> | undefined;
  const send = async ({ event, atNs }: (typeof queue)[number]): Promise<void> => {
    const payload = packTaskEvent(event);
    if (payload === undefined) return;
    if (channel === undefined) {
      channel = await connectTtrpc(address);
      void channel.closed.then(() => (channel = undefined));
    }
    const client = createTtrpcClient(Events, "containerd.services.events.ttrpc.v1.Events", channel);
    const { namespace, topic } = event;
    const envelope = { namespace, topic, timestamp: timestampOf(atNs), event: payload };
    const metadata = { "containerd-namespace-ttrpc": namespace };
    await client.forward({ envelope }, { timeoutMs: TIMEOUT_MS, metadata });
  };
  const work = async (): Promise<void> => {
    for (let next = queue[0], tries = 0; next !== undefined; next = queue[0]) {
      try {
        await send(next);
        queue.shift();
        tries = 0;
      } catch {
        if (++tries > TIMEOUT_MS / RETRY_MS) queue.shift();
        else await Bun.sleep(RETRY_MS);
      }
    }
    working = undefined;
  };
  tasks.onEvent((event) => {
    queue.push({ event, atNs: clock.nowNs() });
    if (queue.length > QUEUE_MAX) queue.shift();
    working ??= work();
  });
  return async () => working;
}
