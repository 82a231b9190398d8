/**
 * Spans: what each layer did for one request and how long it took.
 *
 * Context travels as W3C `traceparent` (https://www.w3.org/TR/trace-context/) in the HTTP header, in gRPC metadata and in
 * the plan's annotation `skiff.trace`. Each process keeps its newest spans in a ring; `GET /skiff/trace/<traceId>` of skiffd
 * answers its own and those of the layers below. A request without `traceparent` records nothing.
 */
export interface TraceContext {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits: the parent of whatever is started under this context. */
  readonly spanId: string;
}

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly name: string;
  /** The layer that recorded it: `skiff`, `skiffd`, `skiff-containerd`, `shim`, `skiff-runc`, `skiff-init`. */
  readonly layer: string;
  /** Nanoseconds since the epoch, as decimal strings (they do not fit a JSON number). */
  readonly startNs: string;
  readonly endNs: string;
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;

export function parseTraceparent(header: string | undefined): TraceContext | undefined {
  const match = header === undefined ? null : TRACEPARENT.exec(header);
  return match === null ? undefined : { traceId: match[1]!, spanId: match[2]! };
}

export function formatTraceparent(context: TraceContext): string {
  return `00-${context.traceId}-${context.spanId}-01`;
}

export interface Tracer {
  /** Runs `body` inside a span; the body gets the context to pass on. Without a parent only the body runs. */
  span<T>(parent: TraceContext | undefined, name: string, body: (context: TraceContext | undefined) => T): T;
  /** Records a span that somebody else measured. */
  record(span: Span): void;
  /** The spans kept of one trace, in order of their start. */
  spansOf(traceId: string): readonly Span[];
}

/** Spans kept per process; older ones fall out. */
const RING_SIZE = 4096;

export interface TracerParts {
  readonly layer: string;
  readonly nowNs: () => bigint;
  readonly hex: (bytes: number) => string;
}

export function createTracer(parts: TracerParts): Tracer {
  const ring: Span[] = [];
  const record = (span: Span): void => {
    if (ring.length === RING_SIZE) ring.shift();
    ring.push(span);
  };
  const finish = (context: TraceContext, parentId: string, name: string, startNs: bigint): void => {
    const endNs = parts.nowNs().toString();
    record({ ...context, parentId, name, layer: parts.layer, startNs: startNs.toString(), endNs });
  };
  return {
    record,
    spansOf: (traceId) =>
      ring
        .filter((span) => span.traceId === traceId)
        .sort((a, b) => (BigInt(a.startNs) < BigInt(b.startNs) ? -1 : 1)),
    span(parent, name, body) {
      if (parent === undefined) return body(undefined);
      const context = { traceId: parent.traceId, spanId: parts.hex(8) };
      const startNs = parts.nowNs();
      const done = () => finish(context, parent.spanId, name, startNs);
      let result: ReturnType<typeof body>;
      try {
        result = body(context);
      } catch (error) {
        done();
        throw error;
      }
      if (result instanceof Promise) return result.finally(done) as typeof result;
      done();
      return result;
    },
  };
}
