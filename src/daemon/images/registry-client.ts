/**
 * The little that skiffd asks registries itself: which tags there are, what a manifest is. Everything that is kept goes through containerd.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md, tokens as in https://distribution.github.io/distribution/spec/auth/token/.
 */
import { messageOf, SkiffError } from "../../lib/errors.ts";
import { familiarName, type Reference } from "../../lib/reference.ts";
import type { Credentials } from "./credentials.ts";
import type { RegistryOptions } from "./parts.ts";
import { isInsecure, isLoopback } from "./registries.ts";

export interface RegistryAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

export interface RegistryRequest {
  /** Below `/v2/<name>/`: `tags/list` */
  readonly path: string;
  readonly method: "GET" | "HEAD";
  readonly accept: string;
}

const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
const TIMEOUT_MS = 30_000;

const basic = ({ username, password }: Credentials) =>
  `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;

/** `Bearer realm="…",service="…",scope="…"` */
function parseChallenge(header: string): {
  readonly scheme: string;
  readonly values: ReadonlyMap<string, string>;
} {
  const [scheme = "", ...rest] = header.split(" ");
  const values = new Map<string, string>();
  for (const [, key, value] of rest.join(" ").matchAll(/([a-z]+)="([^"]{0,4096})"/g))
    values.set(key!, value!);
  return { scheme: scheme.toLowerCase(), values };
}

async function readBounded(response: Response): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const bytes of response.body ?? []) {
    length += bytes.length;
    if (length > ANSWER_BYTES_MAX)
      throw new SkiffError("resource_exhausted", "read registry's answer: too long");
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}

/** In the words of Go's network library. */
export function networkProblem(url: string, error: unknown): string {
  const { hostname, port, protocol } = new URL(url);
  const told = `${(error as { code?: unknown } | null)?.code} ${messageOf(error)}`;
  const number = port === "" ? (protocol === "http:" ? "80" : "443") : port;
  if (/ConnectionRefused|ECONNREFUSED|Unable to connect/.test(told))
    return `dial tcp ${hostname}:${number}: connect: connection refused`;
  if (/ENOTFOUND|EAI_AGAIN/.test(told)) return `dial tcp: lookup ${hostname}: no such host`;
  return messageOf(error);
}

async function get(url: string, init: RequestInit, insecure: boolean): Promise<RegistryAnswer> {
  const tls = insecure ? { tls: { rejectUnauthorized: false } } : {};
  let response: Response;
  try {
    response = await fetch(url, { ...init, ...tls, signal: AbortSignal.timeout(TIMEOUT_MS) } as RequestInit);
  } catch (error) {
    throw new SkiffError("unknown", `Get "${url}": ${networkProblem(url, error)}`, { cause: error });
  }
  return { status: response.status, headers: response.headers, body: await readBounded(response) };
}

/** A token of the realm that the registry named. */
async function fetchToken(
  values: ReadonlyMap<string, string>,
  needed: string,
  credentials: Credentials | undefined,
  insecure: boolean,
): Promise<string> {
  const realm = new URL(values.get("realm") ?? "");
  if (realm.protocol !== "https:" && !(realm.protocol === "http:" && insecure))
    throw new SkiffError("unknown", `fetch token from ${realm.href}: not by https`);
  const scope = values.get("scope") ?? needed;
  const service = values.get("service") ?? "";
  let answer: RegistryAnswer;
  if (credentials !== undefined && credentials.identityToken !== "") {
    const form = {
      grant_type: "refresh_token",
      refresh_token: credentials.identityToken,
      client_id: "skiffd",
    };
    const body = new URLSearchParams({ ...form, service, scope });
    answer = await get(realm.href, { method: "POST", body }, insecure);
  } else {
    realm.searchParams.set("service", service);
    if (scope !== "") realm.searchParams.set("scope", scope);
    const headers: Record<string, string> =
      credentials === undefined || credentials.username === "" ? {} : { authorization: basic(credentials) };
    answer = await get(realm.href, { headers }, insecure);
  }
  if (answer.status !== 200) throw new SkiffError("unauthenticated", "unauthorized: authentication required");
  const json = JSON.parse(answer.body.toString()) as Record<string, unknown>;
  const token = json["token"] ?? json["access_token"];
  if (typeof token !== "string") throw new SkiffError("unknown", "fetch token: no token in the answer");
  return token;
}

async function authorize(
  challenge: string,
  needed: string,
  credentials: Credentials | undefined,
  insecure: boolean,
): Promise<string> {
  if (credentials !== undefined && credentials.registryToken !== "")
    return `Bearer ${credentials.registryToken}`;
  const { scheme, values } = parseChallenge(challenge);
  if (scheme === "bearer") return `Bearer ${await fetchToken(values, needed, credentials, insecure)}`;
  if (scheme === "basic" && credentials !== undefined && credentials.username !== "")
    return basic(credentials);
  throw new SkiffError("unauthenticated", "no basic auth credentials");
}

const hostOf = (domain: string) => (domain === "docker.io" ? "registry-1.docker.io" : domain);

function schemes(domain: string, insecure: boolean): readonly string[] {
  if (!insecure) return ["https"];
  return isLoopback(domain) ? ["http"] : ["https", "http"];
}

/** With the answer to a challenge, if there is one. */
async function ask(
  url: string,
  scope: string,
  credentials: Credentials | undefined,
  { method, accept }: Pick<RegistryRequest, "method" | "accept">,
  insecure: boolean,
): Promise<RegistryAnswer> {
  const headers = { accept };
  const first = await get(url, { method, headers }, insecure);
  if (first.status !== 401) return first;
  const challenge = first.headers.get("www-authenticate") ?? "";
  const authorization = await authorize(challenge, scope, credentials, insecure);
  return get(url, { method, headers: { ...headers, authorization } }, insecure);
}

/** The first mirror of docker.io that has what is asked for; nobody's credentials go there. */
async function fromMirror(
  { reference }: RegistryTarget,
  scope: string,
  request: RegistryRequest,
  registries: RegistryOptions,
): Promise<RegistryAnswer | undefined> {
  if (reference.domain !== "docker.io") return undefined;
  for (const mirror of registries.mirrors) {
    const base = mirror.replace(/\/$/, "");
    try {
      const url = `${base}/v2/${reference.path}/${request.path}`;
      const answer = await ask(url, scope, undefined, request, isInsecure(new URL(base).host, registries));
      if (answer.status === 200) return answer;
    } catch {
      // A mirror that is away is no reason to fail: the registry itself comes next.
    }
  }
  return undefined;
}

/** The first scheme that leads to a registry. */
async function firstAnswer(
  domain: string,
  registries: RegistryOptions,
  call: (base: string, insecure: boolean) => Promise<RegistryAnswer>,
): Promise<RegistryAnswer> {
  const insecure = isInsecure(domain, registries);
  let problem: unknown;
  for (const scheme of schemes(domain, insecure)) {
    try {
      return await call(`${scheme}://${hostOf(domain)}`, insecure);
    } catch (error) {
      problem = error;
    }
  }
  throw problem;
}

/** @throws unauthenticated when the credentials are refused */
export async function pingRegistry(
  domain: string,
  credentials: Credentials,
  registries: RegistryOptions,
): Promise<void> {
  const request = { method: "GET", accept: "*/*" } as const;
  const answer = await firstAnswer(domain, registries, (base, insecure) =>
    ask(`${base}/v2/`, "", credentials, request, insecure),
  );
  if (answer.status === 401)
    throw new SkiffError("unauthenticated", "unauthorized: incorrect username or password");
  if (answer.status !== 200) throw new SkiffError("unknown", `registry answered status ${answer.status}`);
}

export interface RegistryTarget {
  readonly reference: Reference;
  readonly credentials: Credentials | undefined;
}

/** Words of dockerd for an answer that is no success. */
function refused(reference: Reference, status: number): SkiffError {
  if (status === 401 || status === 403)
    return new SkiffError(
      status === 401 ? "unauthenticated" : "permission_denied",
      `errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required\n`,
    );
  if (status === 404) {
    const text = `${familiarName(reference)}${reference.digest === "" ? `:${reference.tag}` : `@${reference.digest}`}`;
    return new SkiffError("not_found", `manifest for ${text} not found: manifest unknown: manifest unknown`);
  }
  return new SkiffError("unknown", `registry answered status ${status}`);
}

/** @throws not_found, unauthenticated, permission_denied, unknown */
export async function askRegistry(
  target: RegistryTarget,
  request: RegistryRequest,
  registries: RegistryOptions,
): Promise<RegistryAnswer> {
  const { reference } = target;
  const scope = `repository:${reference.path}:pull`;
  const mirrored = await fromMirror(target, scope, request, registries);
  if (mirrored !== undefined) return mirrored;
  const answer = await firstAnswer(reference.domain, registries, (base, insecure) =>
    ask(`${base}/v2/${reference.path}/${request.path}`, scope, target.credentials, request, insecure),
  );
  if (answer.status !== 200) throw refused(reference, answer.status);
  return answer;
}
