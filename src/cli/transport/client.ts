/** Requests to the daemon. Paths carry no version: the daemon takes that for its newest, which is ours, and a round trip is spared. */
import { codeOf } from "../../lib/errors.ts";
import { formatTraceparent, type TraceContext } from "../../lib/trace.ts";
import { type ClientRequest, type ClientResponse, request } from "../../wire/http1/client.ts";
import { CliError, DaemonError } from "../errors.ts";
import type { Settings } from "./settings.ts";

export type Query = Readonly<Record<string, string | number | boolean | undefined | readonly string[]>>;

export interface Call extends Omit<ClientRequest, "method" | "path" | "body"> {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly body?: ClientRequest["body"];
}

/** Every method throws DaemonError for an answer that is an error. */
export interface Client {
  send(method: string, path: string, call?: Call): Promise<ClientResponse>;
  get<T>(path: string, query?: Query): Promise<T>;
  /** Answers the parsed body; undefined for none. */
  post<T>(path: string, call?: Call): Promise<T>;
  delete<T>(path: string, query?: Query): Promise<T>;
  /** Carried by every request from here on. */
  trace: TraceContext | undefined;
}

function encodeQuery(query: Query): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === "" || value === false) continue;
    const values = Array.isArray(value) ? value : [value === true ? "1" : value];
    for (const one of values) parts.push(`${encodeURIComponent(name)}=${encodeURIComponent(one)}`);
  }
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

/** `{"label": ["a=b"]}` as the API wants filters: `{"label": {"a=b": true}}`. */
export function encodeFilters(filters: readonly string[]): string | undefined {
  if (filters.length === 0) return undefined;
  const grouped: Record<string, Record<string, boolean>> = {};
  for (const filter of filters) {
    const equals = filter.indexOf("=");
    if (equals < 0)
      throw new CliError(
        `invalid argument "${filter}" for "-f, --filter" flag: invalid filter '${filter}'`,
        125,
      );
    const name = filter.slice(0, equals).trim().toLowerCase();
    grouped[name] = { ...grouped[name], [filter.slice(equals + 1).trim()]: true };
  }
  return JSON.stringify(grouped);
}

async function failure(response: ClientResponse): Promise<DaemonError> {
  const text = await response.text();
  let message = text.trim();
  try {
    message = (JSON.parse(text) as { message?: string }).message ?? message;
    message = message.trim();
  } catch {
    // Not the daemon's own words.
  }
  if (message === "") message = `request returned ${response.status}`;
  return new DaemonError(message, response.status);
}

function unreachable(error: unknown, { host }: Settings): unknown {
  if (codeOf(error) === "permission_denied")
    return new CliError(`permission denied while trying to connect to the Docker daemon socket at ${host}`);
  if (codeOf(error) !== "unavailable") return error;
  return new CliError(`Cannot connect to the Docker daemon at ${host}. Is the docker daemon running?`);
}

export function createClient(settings: Settings, startDaemon: () => Promise<void>): Client {
  const { endpoint, config, base } = settings;
  const attempt = async (call: ClientRequest): Promise<ClientResponse> => {
    try {
      return await request(endpoint, call);
    } catch (error) {
      if (!settings.ownDaemon || codeOf(error) !== "unavailable") throw error;
      await startDaemon();
      return request(endpoint, call);
    }
  };
  const client: Client = {
    trace: undefined,
    async send(method, path, { query = {}, json, headers = {}, ...call } = {}) {
      const more: Record<string, string> = { ...config.HttpHeaders, ...headers };
      if (client.trace !== undefined) more["traceparent"] = formatTraceparent(client.trace);
      if (json !== undefined) more["Content-Type"] = "application/json";
      let response: ClientResponse;
      try {
        response = await attempt({
          ...{ method, path: base + path + encodeQuery(query), headers: more, ...call },
          ...(json === undefined ? {} : { body: JSON.stringify(json) }),
        });
      } catch (error) {
        throw unreachable(error, settings);
      }
      if (response.status >= 400) throw await failure(response);
      return response;
    },
    get: async (path, query = {}) => (await client.send("GET", path, { query })).json(),
    async post<T>(path: string, call: Call = {}) {
      const text = await (await client.send("POST", path, call)).text();
      return (text === "" ? undefined : JSON.parse(text)) as T;
    },
    async delete<T>(path: string, query: Query = {}) {
      const text = await (await client.send("DELETE", path, { query })).text();
      return (text === "" ? undefined : JSON.parse(text)) as T;
    },
  };
  return client;
}
