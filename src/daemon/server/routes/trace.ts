/** `GET /skiff/trace/{id}`: the spans of one request, from skiffd and the layers below it. */
import { Trace } from "../../../contracts/containerd/gen/trace_pb.ts";
import { SkiffError } from "../../../lib/errors.ts";
import type { Span, Tracer } from "../../../lib/trace.ts";
import { type Channel, createClient } from "../../../wire/h2/client.ts";
import type { Route } from "../router.ts";

const TRACE_ID = /^[0-9a-f]{32}$/;
const TIMEOUT_MS = 2000;

/** A genuine containerd has no such service: then there are only our own. */
async function spansBelow(channel: Channel, traceId: string): Promise<readonly Span[]> {
  try {
    const { spansJson } = await createClient(Trace, channel).get({ traceId }, { timeoutMs: TIMEOUT_MS });
    return JSON.parse(spansJson) as Span[];
  } catch {
    return [];
  }
}

export function traceRoutes(tracer: Tracer, channel: Channel): Route[] {
  return [
    {
      method: "GET",
      pattern: "/skiff/trace/{id}",
      handle: async (context) => {
        const id = context.params["id"]!;
        if (!TRACE_ID.test(id)) throw new SkiffError("invalid_argument", `invalid trace id: ${id}`);
        const spans = [...tracer.spansOf(id), ...(await spansBelow(channel, id))];
        context.json(
          200,
          spans.sort((a, b) => (BigInt(a.startNs) < BigInt(b.startNs) ? -1 : 1)),
        );
      },
    },
  ];
}
