/** The user's name and password for a registry: from config.json, or from the credential helper it names. */
import type { AuthConfig } from "../../contracts/engine/system.ts";
import type { ConfigFile } from "../transport/settings.ts";
import { callHelper } from "./helper.ts";

/** Under this name Docker Hub's are kept, for history's sake. */
export const HUB_SERVER = "https://index.docker.io/v1/";
const TOKEN_USER = "<token>";

export function serverOf(domain: string): string {
  return domain === "docker.io" ? HUB_SERVER : domain;
}

/** `https://host/v1/` → `host` */
export function hostOf(server: string): string {
  return server.replace(/^https?:\/\//, "").split("/", 1)[0]!;
}

function fromFile(config: ConfigFile, server: string): AuthConfig {
  const auths = config.auths ?? {};
  const key = Object.hasOwn(auths, server)
    ? server
    : Object.keys(auths).find((name) => hostOf(name) === hostOf(server));
  if (key === undefined) return {};
  const { auth = "", identitytoken } = auths[key]!;
  const text = Buffer.from(auth, "base64").toString();
  const colon = text.indexOf(":");
  return {
    ...(colon < 0
      ? {}
      : { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, "") }),
    serveraddress: key,
    ...(identitytoken === undefined ? {} : { identitytoken }),
  };
}

/** Empty when nothing is known: registries then see an anonymous client. */
export async function credentialsFor(config: ConfigFile, server: string): Promise<AuthConfig> {
  const helper = config.credHelpers?.[server] ?? config.credsStore;
  if (helper === undefined || helper === "") return fromFile(config, server);
  const answer = await callHelper(helper, "get", server);
  if (answer === undefined) return {};
  const { Username = "", Secret = "" } = JSON.parse(answer) as { Username?: string; Secret?: string };
  if (Username === TOKEN_USER) return { serveraddress: server, identitytoken: Secret };
  return { username: Username, password: Secret, serveraddress: server };
}

/** Every registry's: a build may pull from any. */
export async function allCredentials(config: ConfigFile): Promise<Record<string, AuthConfig>> {
  const listed = config.credsStore ? await callHelper(config.credsStore, "list", "") : undefined;
  const servers = new Set([
    ...Object.keys(config.auths ?? {}),
    ...Object.keys(config.credHelpers ?? {}),
    ...Object.keys(JSON.parse(listed || "{}") as object),
  ]);
  const known: Record<string, AuthConfig> = {};
  for (const server of servers) known[server] = await credentialsFor(config, server);
  return known;
}

/** Value of `X-Registry-Auth` and `X-Registry-Config`: JSON in base64 with the alphabet of URLs. */
export function encodeAuth(auth: AuthConfig | Readonly<Record<string, AuthConfig>>): string {
  return Buffer.from(JSON.stringify(auth)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

/** The header for requests about images of `domain`. */
export async function authHeader(config: ConfigFile, domain: string): Promise<Record<string, string>> {
  return { "X-Registry-Auth": encodeAuth(await credentialsFor(config, serverOf(domain))) };
}
