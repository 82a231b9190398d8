/** Where the daemon is and what the user has set: flags, environment, `~/.docker/config.json`, contexts; in docker's order of precedence. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../lib/errors.ts";
import type { Endpoint, TlsFiles } from "../../wire/http1/client.ts";
import { CliError } from "../errors.ts";
import type { Parsed } from "../flag.ts";
import { type Host, parseHost, showHost } from "./host.ts";
import { tlsOfContext, tlsOfFlags } from "./tls.ts";

interface ContextFile {
  readonly Endpoints?: { readonly docker?: { readonly Host?: string; readonly SkipTLSVerify?: boolean } };
}

export interface ConfigFile {
  readonly auths?: Readonly<Record<string, { readonly auth?: string; readonly identitytoken?: string }>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly currentContext?: string;
  readonly detachKeys?: string;
  readonly psFormat?: string;
  readonly imagesFormat?: string;
  readonly HttpHeaders?: Readonly<Record<string, string>>;
  readonly proxies?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface Settings {
  /** `unix:///…` or `tcp://…`, as messages show it. */
  readonly host: string;
  /** Nobody said where: our own daemon, which may be started. */
  readonly ownDaemon: boolean;
  readonly endpoint: Endpoint;
  /** Before every path: of daemons behind a proxy. */
  readonly base: string;
  readonly configDir: string;
  readonly config: ConfigFile;
  /** Name of the context in use. */
  readonly context: string;
}

export function ownSocket(): string {
  if (process.geteuid?.() === 0) return "/run/skiff/skiffd.sock";
  return `${process.env["XDG_RUNTIME_DIR"] ?? `/run/user/${process.geteuid?.() ?? 0}`}/skiff/skiffd.sock`;
}

function readConfig(configDir: string): ConfigFile {
  const path = join(configDir, "config.json");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return {};
  }
  try {
    return (JSON.parse(text) ?? {}) as ConfigFile;
  } catch (error) {
    throw new CliError(`error loading config file: ${path}: ${messageOf(error)}`);
  }
}

export function contextDirectory(configDir: string, name: string): string {
  return join(configDir, "contexts/meta", new Bun.CryptoHasher("sha256").update(name).digest("hex"));
}

interface Chosen {
  readonly host: string;
  readonly tls: TlsFiles | undefined;
}

/** What a named context says. @throws CliError */
function ofContext(configDir: string, name: string): Chosen {
  const directory = contextDirectory(configDir, name);
  const path = join(directory, "meta.json");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw new CliError(
      `Failed to initialize: unable to resolve docker endpoint: context "${name}": context not found: open ${path}: no such file or directory`,
    );
  }
  const { docker } = (JSON.parse(text) as ContextFile).Endpoints ?? {};
  const certificates = `${directory.replace(/\/meta\/(?=[^/]*$)/, "/tls/")}/docker`;
  return { host: docker?.Host ?? "", tls: tlsOfContext(certificates, docker?.SkipTLSVerify === true) };
}

function endpointOf(host: Host, tls: TlsFiles | undefined): Endpoint {
  if (host.kind === "unix") return { unix: host.path };
  if (host.kind === "ssh") return { open: async () => (await import("./command.ts")).openCommand(host.argv) };
  return { hostname: host.hostname, port: host.port, ...(tls === undefined ? {} : { tls }) };
}

/** `global`: the flags before the command. @throws CliError in docker's words */
export function readSettings(global: Parsed): Settings {
  const configDir = global.text("config");
  const config = readConfig(configDir);
  const hosts = global.list("host");
  if (hosts.length > 1)
    throw new CliError("Failed to initialize: unable to resolve docker endpoint: Specify only one -H");
  const said = hosts[0] ?? "";
  const named = global.text("context");
  if (hosts.length > 0 && named !== "")
    throw new CliError("conflicting options: cannot specify both --host and --context");
  const environment = process.env["DOCKER_HOST"] ?? "";
  const elsewhere = hosts.length > 0 || environment !== "";
  const context =
    named || (elsewhere ? "" : process.env["DOCKER_CONTEXT"] || config.currentContext || "") || "default";
  const chosen =
    context === "default"
      ? { host: said || environment, tls: tlsOfFlags(global) }
      : ofContext(configDir, context);
  const common = { configDir, config, context };
  if (chosen.host === "") {
    const socket = ownSocket();
    return { ...common, host: `unix://${socket}`, ownDaemon: true, endpoint: { unix: socket }, base: "" };
  }
  const host = parseHost(chosen.host, chosen.tls !== undefined);
  return {
    ...{ ...common, host: showHost(host, chosen.host), ownDaemon: false },
    endpoint: endpointOf(host, chosen.tls),
    base: host.kind === "tcp" ? host.base.replace(/\/+$/, "") : "",
  };
}
