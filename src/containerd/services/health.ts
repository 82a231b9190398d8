import { Health, HealthCheckResponse_ServingStatus } from "../../contracts/containerd/gen/health_pb.ts";
import { SkiffError } from "../../lib/errors.ts";
import { implement } from "../../wire/h2/server.ts";

const SERVING = { status: HealthCheckResponse_ServingStatus.SERVING };

/** Resolves when the signal aborts. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Whoever is answered at all is answered "serving": containerd's clients wait for it at their start. */
export function healthService() {
  return implement(Health, {
    check(request) {
      if (request.service !== "") throw new SkiffError("not_found", "unknown service");
      return SERVING;
    },
    async *watch(_request, context) {
      yield SERVING;
      await aborted(context.signal);
    },
  });
}
