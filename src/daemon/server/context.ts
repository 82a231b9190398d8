/** What a route's handler is given: the request with its parameters, and ways to answer in the client's version of the API. */
import type { ApiVersion } from "../../contracts/engine/versions.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { TraceContext } from "../../lib/trace.ts";
import type { BodyWriter, HttpRequest, HttpResponse } from "../../wire/http1/api.ts";
import { parseJsonBody } from "./json.ts";
import { downgrade, upgrade } from "./versions/apply.ts";

export interface RouteContext {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  /** Of the pattern: `{id}`. */
  readonly params: Readonly<Record<string, string>>;
  readonly version: ApiVersion;
  readonly trace: TraceContext | undefined;
  /** The first value of a query parameter, or "". */
  query(name: string): string;
  /** As dockerd reads booleans: everything but "", 0, no, false and none is true. */
  flag(name: string): boolean;
  /** @throws invalid_argument for what is not a decimal number; undefined when absent. */
  integer(name: string): number | undefined;
  /** The request's body, changed to what the newest version would have sent. @throws invalid_argument */
  body(): Promise<Record<string, unknown>>;
  /** As `body`, but none at all is {}. */
  optionalBody(): Promise<Record<string, unknown>>;
  /** Answers, changed to what the client's version knows. */
  json(status: number, value: unknown): void;
  /** A stream of JSON lines. */
  lines(status: number): BodyWriter;
}

const FALSE = new Set(["", "0", "no", "false", "none"]);

export interface ContextParts {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  readonly params: Readonly<Record<string, string>>;
  readonly version: ApiVersion;
  readonly trace: TraceContext | undefined;
  /** `GET /containers/json`: names the transformers. */
  readonly route: string;
}

export function createContext(parts: ContextParts): RouteContext {
  const { request, response, params, version, trace, route } = parts;
  const query = (name: string) => request.query.get(name) ?? "";
  return {
    ...{ request, response, params, version, trace, query },
    flag: (name) => !FALSE.has(query(name).trim().toLowerCase()),
    integer(name) {
      const text = query(name);
      if (text === "") return undefined;
      if (!/^[+-]?[0-9]{1,15}$/.test(text))
        throw new SkiffError(
          "invalid_argument",
          `invalid value for ${name}: strconv.Atoi: parsing "${text}": invalid syntax`,
        );
      return Number(text);
    },
    body: async () => upgrade(route, version, await parseJsonBody(request, false)),
    optionalBody: async () => upgrade(route, version, await parseJsonBody(request, true)),
    json: (status, value) => response.json(status, downgrade(route, version, value)),
    lines: (status) => response.stream(status, "application/json"),
  };
}
