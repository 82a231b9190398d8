/** The front of the API: version, route, headers of every answer, and errors as `{"message": …}`. */
import {
  API_VERSION,
  type ApiVersion,
  compareApiVersions,
  ENGINE_VERSION,
  MIN_API_VERSION,
  parseApiVersion,
} from "../../contracts/engine/versions.ts";
import { codeOf, ERROR_CODES, messageOf, SkiffError } from "../../lib/errors.ts";
import { parseTraceparent, type Tracer } from "../../lib/trace.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../../wire/http1/api.ts";
import { createContext } from "./context.ts";
import type { Match, Router } from "./router.ts";

export interface HandlerParts {
  readonly router: Router;
  readonly tracer: Tracer;
  /** A line for the daemon's log. */
  readonly log: (message: string) => void;
}

const NEWEST = parseApiVersion(API_VERSION)!;
const OLDEST = parseApiVersion(MIN_API_VERSION)!;

function checkVersion(version: ApiVersion, text: string): void {
  if (compareApiVersions(version, OLDEST) < 0)
    throw new SkiffError(
      "invalid_argument",
      `client version ${text} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
    );
  if (compareApiVersions(version, NEWEST) > 0)
    throw new SkiffError(
      "invalid_argument",
      `client version ${text} is too new. Maximum supported API version is ${API_VERSION}`,
    );
}

/** One place maps error codes to answers. */
function answerError(response: HttpResponse, error: unknown): void {
  const status = ERROR_CODES[codeOf(error)].http;
  if (status === 304) response.send(304);
  else response.json(status, { message: messageOf(error) });
}

async function serve(
  { tracer, log }: HandlerParts,
  { route, params }: Match,
  version: ApiVersion,
  request: HttpRequest,
  response: HttpResponse,
): Promise<void> {
  const parent = parseTraceparent(request.headers.get("traceparent"));
  const name = `${route.method} ${route.pattern}`;
  try {
    await tracer.span(parent, name, async (trace) => {
      await route.handle(createContext({ request, response, params, version, trace, route: name }));
    });
  } catch (error) {
    if (response.started) throw error;
    if (ERROR_CODES[codeOf(error)].http >= 500 && codeOf(error) !== "unimplemented")
      log(`Handler for ${request.method} ${request.path} returned error: ${messageOf(error)}`);
    answerError(response, error);
  }
}

export function createHandler(parts: HandlerParts): HttpHandler {
  return async (request, response) => {
    const prefix = /^\/v([0-9]+\.[0-9]+)(?=\/)/.exec(request.path);
    const path = prefix === null ? request.path : request.path.slice(prefix[0].length);
    const match = parts.router.match(request.method, path);
    if (match === undefined) {
      response.json(404, { message: "page not found" });
      return;
    }
    response.header("Api-Version", API_VERSION);
    response.header("Ostype", "linux");
    response.header("Server", `Docker/${ENGINE_VERSION} (linux)`);
    const version = prefix === null ? NEWEST : (parseApiVersion(prefix[1]!) ?? [0, 0]);
    try {
      checkVersion(version, prefix?.[1] ?? API_VERSION);
    } catch (error) {
      answerError(response, error);
      return;
    }
    response.header("Docker-Experimental", "false");
    await serve(parts, match, version, request, response);
  };
}
