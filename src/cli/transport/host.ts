/** Where a daemon is, as docker writes it: `unix:///path`, `tcp://host:port/base`, `ssh://user@host:port`, or `host:port`. */
import { CliError } from "../errors.ts";

export type Host =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly hostname: string; readonly port: number; readonly base: string }
  | { readonly kind: "ssh"; readonly argv: readonly string[] };

const PORT = 2375;
const PORT_TLS = 2376;
const DEFAULT_SOCKET = "/var/run/docker.sock";

function refuse(why: string): CliError {
  return new CliError(`Failed to initialize: unable to resolve docker endpoint: ${why}`);
}

function parseTcp(rest: string, tls: boolean): Host {
  const [, authority = "", base = ""] = /^([^/]*)(\/.*)?$/.exec(rest) ?? [];
  const [, hostname = "", port = ""] = /^(\[[^\]]+\]|[^:]*)(?::(\d{0,5}))?$/.exec(authority) ?? [];
  if (authority !== "" && hostname === "" && port === "")
    throw refuse(`invalid bind address format: ${rest}`);
  return {
    kind: "tcp",
    hostname: hostname.replace(/^\[|\]$/g, "") || "localhost",
    port: Number(port) || (tls ? PORT_TLS : PORT),
    base,
  };
}

function parseSsh(host: string): Host {
  const [, user, name = "", port, path = ""] =
    /^ssh:\/\/(?:([^@/]+)@)?([^:/@]+)(?::(\d+))?(\/.*)?$/.exec(host) ?? [];
  // What begins with a dash would be an option of ssh.
  if (name === "" || name.startsWith("-") || user?.startsWith("-")) throw refuse(`invalid SSH URL: ${host}`);
  return {
    kind: "ssh",
    argv: [
      ...["ssh", ...(user === undefined ? [] : ["-l", user]), ...(port === undefined ? [] : ["-p", port])],
      ...["-o", "ConnectTimeout=30", "-T", "--", name, "docker"],
      ...(path === "" || path === "/" ? [] : ["--host", `unix://${path}`]),
      ...["system", "dial-stdio"],
    ],
  };
}

/** @throws CliError in docker's words */
export function parseHost(host: string, tls = false): Host {
  const at = host.indexOf("://");
  const [scheme, rest] = at < 0 ? ["tcp", host] : [host.slice(0, at), host.slice(at + 3)];
  if (scheme === "tcp") return parseTcp(rest, tls);
  if (scheme === "unix") return { kind: "unix", path: rest || DEFAULT_SOCKET };
  if (scheme === "ssh") return parseSsh(host);
  if (scheme === "npipe") throw new CliError("Failed to initialize: protocol not available");
  if (scheme === "fd") throw new CliError(`Failed to initialize: unable to parse docker host \`${host}\``);
  throw refuse(`invalid bind address format: ${host}`);
}

/** As messages show it. */
export function showHost(host: Host, given: string): string {
  if (host.kind === "unix") return `unix://${host.path}`;
  if (host.kind === "ssh") return given;
  const name = host.hostname.includes(":") ? `[${host.hostname}]` : host.hostname;
  return `tcp://${name}:${host.port}${host.base}`;
}
