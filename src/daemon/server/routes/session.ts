/** Builds: the classic builder, and BuildKit's doors, `POST /session` and `POST /grpc`: until there is somebody behind them, a reason. */
import type { ProgressLine } from "../../../contracts/engine/image.ts";
import { messageOf, SkiffError } from "../../../lib/errors.ts";
import type { BodyWriter } from "../../../wire/http1/api.ts";
import { runBuild } from "../../build/main.ts";
import type { BuildParts } from "../../build/parts.ts";
import { parseBuildRequest, type Query } from "../../build/request.ts";
import { StepFailure } from "../../build/run.ts";
import type { RouteContext } from "../context.ts";
import type { Route } from "../router.ts";

/** Lines of a quiet build, the last ones. */
const KEPT_MAX = 100_000;

function refuse(): never {
  throw new SkiffError("unimplemented", "building images with BuildKit is not implemented by skiffd");
}

function failure(error: unknown): ProgressLine {
  const message = messageOf(error);
  const code = error instanceof StepFailure ? { code: error.exitCode } : {};
  return { errorDetail: { ...code, message }, error: message };
}

/** An error before the first line is a status. With `q` the lines are kept until it is known whether they are needed. */
async function build(parts: BuildParts, context: RouteContext): Promise<void> {
  const { request } = context;
  const query: Query = {
    query: context.query,
    flag: context.flag,
    integer: context.integer,
    all: (name) => request.query.getAll(name),
    has: (name) => request.query.has(name),
  };
  const asked = parseBuildRequest(query, request.headers.get("x-registry-config"));
  let writer: BodyWriter | undefined;
  let last: Promise<void> = Promise.resolve();
  const kept: ProgressLine[] = [];
  const write = (value: ProgressLine) => {
    writer ??= context.lines(200);
    last = writer.line(value);
    last.catch(() => {});
  };
  const keep = (value: ProgressLine) => {
    kept.push(value);
    if (kept.length > KEPT_MAX) kept.shift();
  };
  const line = asked.quiet ? keep : write;
  try {
    const { body, signal } = request;
    const id = await runBuild(parts, { request: asked, body, signal, line, drain: () => last });
    if (asked.quiet) write({ stream: `${id}\n` });
  } catch (error) {
    for (const value of kept) write(value);
    if (writer === undefined) throw error;
    write(failure(error));
  }
  await last;
}

export function sessionRoutes(parts: BuildParts): Route[] {
  return [
    { method: "POST", pattern: "/session", handle: refuse },
    { method: "POST", pattern: "/grpc", handle: refuse },
    { method: "POST", pattern: "/build", handle: (context) => build(parts, context) },
    { method: "POST", pattern: "/build/cancel", handle: refuse },
  ];
}
