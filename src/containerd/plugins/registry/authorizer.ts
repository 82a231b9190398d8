/**
 * Authorization for one registry host: basic, or bearer tokens from the realm it names (distribution's token specification).
 *
 * One authorizer belongs to one host; the client makes it for the hosts of the reference only, so that neither a redirect nor a foreign layer's URL can
 * ask for credentials (CVE-2020-15157). Tokens are kept by scope; one that expired is fetched anew after the next 401.
 */
import { SkiffError } from "../../../lib/errors.ts";
import { readBounded } from "./body.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { CredentialSource, Credentials } from "./credentials.ts";
import { statusError } from "./status-error.ts";
import { requestError } from "./wire-error.ts";

const TOKEN_BYTES_MAX = 1024 * 1024;
const TOKEN_TIMEOUT_MS = 30_000;
const CLIENT_ID = "containerd-client";

export const AUTHORIZATION_FAILED = "authorization failed";

export interface TokenRequest {
  readonly realm: URL;
  readonly service: string;
  readonly scopes: readonly string[];
}

function basic(username: string, secret: string): string {
  return `Basic ${Buffer.from(`${username}:${secret}`).toString("base64")}`;
}

function failed(reason: string): SkiffError {
  return new SkiffError("unauthenticated", `${reason}: ${AUTHORIZATION_FAILED}`);
}

/** Password in the query's place of a GET, refresh token by POST: as docker does. */
function tokenCall(request: TokenRequest, credentials: Credentials): readonly [URL, RequestInit] {
  const { realm, service, scopes } = request;
  if (credentials.kind === "refresh") {
    const body = new URLSearchParams({ grant_type: "refresh_token", client_id: CLIENT_ID, service });
    body.set("scope", scopes.join(" "));
    body.set("refresh_token", credentials.secret);
    return [realm, { method: "POST", body }];
  }
  const url = new URL(realm);
  if (service !== "") url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  if (credentials.kind !== "password") return [url, {}];
  url.searchParams.set("account", credentials.username);
  return [url, { headers: { Authorization: basic(credentials.username, credentials.secret) } }];
}

async function fetchToken(
  request: TokenRequest,
  credentials: Credentials,
  tls: object | undefined,
  signal: AbortSignal,
): Promise<string> {
  const [url, init] = tokenCall(request, credentials);
  const method = init.method ?? "GET";
  const bound = AbortSignal.any([signal, AbortSignal.timeout(TOKEN_TIMEOUT_MS)]);
  // A realm that redirects would take the password along.
  const options = {
    ...init,
    redirect: "error" as const,
    signal: bound,
    ...(tls === undefined ? {} : { tls }),
  };
  const response = await fetch(url, options).catch((error) => {
    throw requestError(method, url, error, signal);
  });
  if (!response.ok) {
    const refusal = await statusError(method, url, response);
    throw new SkiffError(refusal.code, `failed to fetch ${anonymity(credentials)}token: ${refusal.message}`);
  }
  const answer = JSON.parse((await readBounded(response, TOKEN_BYTES_MAX)).toString()) as Record<
    string,
    unknown
  >;
  const token = answer["token"] || answer["access_token"];
  if (typeof token !== "string" || /[^\x21-\x7e]/.test(token)) throw failed("no token in the answer");
  return token;
}

const anonymity = ({ kind }: Credentials) => (kind === "none" ? "anonymous " : "oauth ");

export class Authorizer {
  #credentials: Promise<Credentials> | undefined;
  #challenge: Challenge | undefined;
  readonly #tokens = new Map<string, Promise<string>>();

  constructor(
    private readonly host: string,
    private readonly secure: boolean,
    private readonly tls: object | undefined,
    private readonly source: CredentialSource,
  ) {}

  /** For a request with these scopes; undefined while the host has asked for none. */
  async authorization(scopes: readonly string[], signal: AbortSignal): Promise<string | undefined> {
    const challenge = this.#challenge;
    if (challenge === undefined) return undefined;
    const credentials = await this.#ask([]);
    if (credentials.kind === "header") return credentials.secret;
    if (challenge.scheme === "basic") {
      if (credentials.kind !== "password") throw failed("no basic auth credentials");
      return basic(credentials.username, credentials.secret);
    }
    return `Bearer ${await this.#token(challenge, credentials, scopes, signal)}`;
  }

  /** Takes in a 401. @throws unauthenticated when there is nothing we could answer */
  async challenged(header: string | null, scopes: readonly string[], repeated: boolean): Promise<void> {
    const [challenge] = parseChallenges(header);
    const reason = challenge?.parameters.get("error");
    if (challenge === undefined) throw failed("unexpected 401 without a known challenge");
    // A second time the same refusal: the credentials are wrong, or do not suffice.
    if (repeated) throw failed(reason === undefined ? "server refused" : `server message: ${reason}`);
    await this.#ask(header === null ? [] : [header]);
    this.#challenge = challenge;
    this.#tokens.delete(scopes.join(" "));
  }

  #ask(challenges: readonly string[]): Promise<Credentials> {
    this.#credentials ??= this.source.credentials(this.host, challenges);
    return this.#credentials;
  }

  #token(
    challenge: Challenge,
    credentials: Credentials,
    scopes: readonly string[],
    signal: AbortSignal,
  ): Promise<string> {
    const key = scopes.join(" ");
    const kept = this.#tokens.get(key);
    if (kept !== undefined) return kept;
    const token = fetchToken(this.#tokenRequest(challenge, scopes), credentials, this.tls, signal);
    this.#tokens.set(key, token);
    token.catch(() => this.#tokens.delete(key));
    return token;
  }

  #tokenRequest({ parameters }: Challenge, scopes: readonly string[]): TokenRequest {
    const text = parameters.get("realm") ?? "";
    if (!URL.canParse(text)) throw failed("invalid token auth challenge realm");
    const realm = new URL(text);
    const allowed = this.secure ? ["https:"] : ["https:", "http:"];
    if (!allowed.includes(realm.protocol)) throw failed(`token realm ${realm.origin} is not allowed`);
    const asked = scopes.length > 0 ? scopes : (parameters.get("scope") ?? "").split(" ").filter(Boolean);
    return { realm, service: parameters.get("service") ?? "", scopes: asked };
  }
}
