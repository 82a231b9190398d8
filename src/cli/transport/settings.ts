/** Where the daemon is and what the user has set: flags, environment, `~/.docker/config.json`, contexts; in docker's order of precedence. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../lib/errors.ts";
import type { Endpoint } from "../../wire/http1/client.ts";
import { CliError } from "../errors.ts";
import type { Parsed } from "../flag.ts";

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
  readonly configDir: string;
  readonly config: ConfigFile;
  /** Name of the context in use. */
  readonly context: string;
}

export function ownSocket(): string {
  if (process.geteuid?.() === 0) return "/run/skiff/skiffd.sock";
  return `${process.env["XDG_RUNTIME_DIR"] ?? `/run/user/${process.geteuid?.() ?? 0}`}/skiff/skiffd.sock`;
}

/** @throws CliError in docker's words */
export function parseHost(host: string): Endpoint {
  const [, scheme = "", rest = ""] = /^([a-z]+):\/\/(.*)$/.exec(host) ?? [];
  if (scheme === "unix") return { unix: rest };
  if (scheme === "tcp" || scheme === "http") {
    const [, hostname = "", port = "2375"] = /^(\[[^\]]+\]|[^:/]*)(?::(\d{1,5}))?\/?$/.exec(rest) ?? [];
    if (hostname !== "" || rest.startsWith(":"))
      return { hostname: hostname.replace(/^\[|\]$/g, "") || "127.0.0.1", port: Number(port) };
  }
  throw new CliError(`unable to parse docker host \`${host}\``);
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

/** The host of a named context. @throws CliError */
function contextHost(configDir: string, name: string): string {
  try {
    const meta = JSON.parse(readFileSync(join(contextDirectory(configDir, name), "meta.json"), "utf8")) as {
      Endpoints?: { docker?: { Host?: string } };
    };
    return meta.Endpoints?.docker?.Host ?? "";
  } catch {
    throw new CliError(
      `Failed to initialize: unable to resolve docker endpoint: context "${name}": context not found`,
    );
  }
}

/** `global`: the flags before the command. */
export function readSettings(global: Parsed): Settings {
  const home = process.env["HOME"] ?? "/root";
  const configDir =
    (global.given("config") ? global.text("config") : "") ||
    process.env["DOCKER_CONFIG"] ||
    join(home, ".docker");
  const config = readConfig(configDir);
  const said = global.text("host");
  const named = global.text("context");
  const environment = process.env["DOCKER_HOST"] ?? "";
  const context =
    named || (said || environment ? "" : process.env["DOCKER_CONTEXT"] || config.currentContext || "");
  const chosen = context !== "" && context !== "default" ? contextHost(configDir, context) : "";
  const host = said || chosen || (context === "" || context === "default" ? environment : "");
  const common = { configDir, config, context: context || "default" };
  if (host !== "") return { ...common, host, ownDaemon: false, endpoint: parseHost(host) };
  const socket = ownSocket();
  return { ...common, host: `unix://${socket}`, ownDaemon: true, endpoint: { unix: socket } };
}
