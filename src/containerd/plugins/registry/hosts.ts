/**
 * Where a registry is: from the name in a reference to an address, a scheme and certificates.
 *
 * Docker Hub answers elsewhere than it is named. Loopback registries speak plain HTTP unless told otherwise, as docker and containerd have it.
 * `host_dir` is containerd's and docker's `certs.d`: `<dir>/<host>/` with `*.crt` as authorities, `NAME.cert` + `NAME.key` as client certificates,
 * and `hosts.toml` (`server`, `[host."URL"]` with `capabilities`, `ca`, `client`, `skip_verify`).
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, SkiffError } from "../../../lib/errors.ts";

export interface HostTls {
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized?: boolean;
}

export interface RegistryHost {
  /** `http` or `https` */
  readonly scheme: string;
  /** `registry-1.docker.io`, `127.0.0.1:5000` */
  readonly host: string;
  /** `/v2` */
  readonly path: string;
  readonly canResolve: boolean;
  readonly canPush: boolean;
  readonly tls: HostTls | undefined;
  /** Mirrors are asked `?ns=<registry>`. */
  readonly namespace: string;
}

export interface HostSettings {
  readonly defaultScheme: string;
  readonly hostDir: string;
}

const HUB = "docker.io";
const HUB_HOST = "registry-1.docker.io";

export function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, "");
  return name === "localhost" || name === "[::1]" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);
}

function schemeOf(host: string, { defaultScheme }: HostSettings): string {
  if (defaultScheme === "http" || defaultScheme === "https") return defaultScheme;
  return isLoopback(host) && !host.endsWith(":443") ? "http" : "https";
}

/** Docker's own layout of certs.d. */
function tlsOfFiles(dir: string): HostTls | undefined {
  const names = readdirSync(dir);
  const read = (name: string) => readFileSync(join(dir, name), "utf8");
  const ca = names.filter((name) => name.endsWith(".crt")).map(read);
  const cert = names.find((name) => name.endsWith(".cert"));
  const key = cert?.replace(/\.cert$/, ".key");
  const pair = cert !== undefined && key !== undefined && names.includes(key);
  if (ca.length === 0 && !pair) return undefined;
  return { ...(ca.length > 0 ? { ca } : {}), ...(pair ? { cert: read(cert), key: read(key) } : {}) };
}

const texts = (value: unknown): string[] =>
  (Array.isArray(value) ? value.flat() : [value]).filter((item): item is string => typeof item === "string");

function tlsOfEntry(dir: string, entry: Readonly<Record<string, unknown>>): HostTls | undefined {
  const read = (name: string) => readFileSync(name.startsWith("/") ? name : join(dir, name), "utf8");
  const ca = texts(entry["ca"]).map(read);
  const [cert, key] = texts(entry["client"]).map(read);
  const skip = entry["skip_verify"] === true;
  if (ca.length === 0 && cert === undefined && !skip) return undefined;
  return {
    ...(ca.length > 0 ? { ca } : {}),
    ...(cert === undefined ? {} : { cert, key: key ?? cert }),
    ...(skip ? { rejectUnauthorized: false } : {}),
  };
}

function hostOfEntry(
  dir: string,
  url: string,
  entry: Readonly<Record<string, unknown>>,
  name: string,
): RegistryHost {
  const { protocol, host, pathname } = new URL(url.includes("://") ? url : `https://${url}`);
  const capabilities = entry["capabilities"] === undefined ? undefined : texts(entry["capabilities"]);
  const base = pathname.replace(/\/+$/, "");
  return {
    scheme: protocol.replace(":", ""),
    host,
    path: entry["override_path"] === true ? base : `${base}/v2`,
    canResolve: capabilities?.includes("resolve") ?? true,
    canPush: capabilities?.includes("push") ?? true,
    tls: tlsOfEntry(dir, entry),
    namespace: host === name ? "" : name,
  };
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hostsOfToml(dir: string, name: string, fallback: RegistryHost): RegistryHost[] {
  const toml = Bun.TOML.parse(readFileSync(join(dir, "hosts.toml"), "utf8")) as Record<string, unknown>;
  const mirrors = isTable(toml["host"]) ? Object.entries(toml["host"]) : [];
  const hosts = mirrors.map(([url, entry]) => hostOfEntry(dir, url, isTable(entry) ? entry : {}, name));
  const server = toml["server"];
  const last =
    typeof server === "string"
      ? { ...hostOfEntry(dir, server, toml, name), namespace: "" }
      : { ...fallback, tls: tlsOfEntry(dir, toml) };
  return [...hosts, last];
}

/** `host:port` and containerd's `host_port_`, then `_default`. */
function settingsDir(root: string, name: string): string | undefined {
  const names = [name, name.replace(/:(\d+)$/, "_$1_"), "_default"];
  return names.map((entry) => join(root, entry)).find((dir) => existsSync(dir));
}

/**
 * The hosts to ask, in order; the last is the registry itself.
 * @param name the domain of a reference
 * @throws invalid_argument when its settings cannot be read
 */
export function hostsOf(name: string, settings: HostSettings): RegistryHost[] {
  const host = name === HUB ? HUB_HOST : name;
  const own: RegistryHost = {
    ...{ scheme: schemeOf(host, settings), host, path: "/v2" },
    ...{ canResolve: true, canPush: true, tls: undefined, namespace: "" },
  };
  if (settings.hostDir === "") return [own];
  const dir = settingsDir(settings.hostDir, name);
  if (dir === undefined) return [own];
  try {
    if (existsSync(join(dir, "hosts.toml"))) return hostsOfToml(dir, name, own);
    return [{ ...own, tls: tlsOfFiles(dir) }];
  } catch (cause) {
    throw new SkiffError("invalid_argument", `read registry settings ${dir}: ${messageOf(cause)}`, { cause });
  }
}
