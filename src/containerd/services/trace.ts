import { Trace } from "../../contracts/containerd/gen/trace_pb.ts";
import type { Tracer } from "../../lib/trace.ts";
import { implement } from "../../wire/h2/server.ts";

/** Skiff's own: skiffd collects a trace's spans from the layers below it. */
export function traceService(tracer: Tracer) {
  return implement(Trace, {
    get: (request) => ({ spansJson: JSON.stringify(tracer.spansOf(request.traceId)) }),
  });
}
