/** Contexts on disk, where docker keeps them: `~/.docker/contexts/meta/<sha256 of the name>/meta.json`. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "../errors.ts";
import { contextDirectory, ownSocket, type Settings } from "../transport/settings.ts";

export const DEFAULT_CONTEXT = "default";
const VALID = /^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/;

export interface ContextMeta {
  readonly Name: string;
  readonly Metadata: { readonly Description?: string };
  readonly Endpoints: {
    readonly docker?: { readonly Host?: string; readonly SkipTLSVerify: boolean };
  };
}

export function checkContextName(name: string): void {
  if (name === DEFAULT_CONTEXT) throw new CliError(`"${DEFAULT_CONTEXT}" is a reserved context name`);
  if (!VALID.test(name))
    throw new CliError(
      `context name "${name}" is invalid, names are validated against regexp "${VALID.source}"`,
    );
}

export function metaDirectory(configDir: string, name: string): string {
  return contextDirectory(configDir, name);
}

export function tlsDirectory(configDir: string, name: string): string {
  return contextDirectory(configDir, name).replace(/\/meta\/(?=[^/]*$)/, "/tls/");
}

/** The one that needs no file: the environment's, or the daemon of this machine. */
export function defaultContext(settings: Settings): ContextMeta {
  const Host =
    settings.context === DEFAULT_CONTEXT
      ? settings.host
      : process.env["DOCKER_HOST"] || `unix://${ownSocket()}`;
  return { Name: DEFAULT_CONTEXT, Metadata: {}, Endpoints: { docker: { Host, SkipTLSVerify: false } } };
}

export function hasContext(configDir: string, name: string): boolean {
  try {
    readContext(configDir, name);
    return true;
  } catch {
    return false;
  }
}

/** @throws CliError in docker's words */
export function readContext(configDir: string, name: string): ContextMeta {
  const path = join(metaDirectory(configDir, name), "meta.json");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw new CliError(`context "${name}": context not found: open ${path}: no such file or directory`);
  }
  try {
    return JSON.parse(text) as ContextMeta;
  } catch (error) {
    throw new CliError(`parsing ${path}: ${(error as Error).message}`);
  }
}

export function listContexts(configDir: string): ContextMeta[] {
  let names: string[];
  try {
    names = readdirSync(join(configDir, "contexts/meta"));
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    try {
      return [
        JSON.parse(readFileSync(join(configDir, "contexts/meta", name, "meta.json"), "utf8")) as ContextMeta,
      ];
    } catch {
      return [];
    }
  });
}

export function writeContext(configDir: string, meta: ContextMeta): void {
  const directory = metaDirectory(configDir, meta.Name);
  mkdirSync(directory, { recursive: true });
  const part = join(directory, `.meta.json.${process.pid}`);
  writeFileSync(part, JSON.stringify(meta), { mode: 0o644 });
  renameSync(part, join(directory, "meta.json"));
}

/** What the endpoint's certificates are kept as, in order. */
export const TLS_FILES = ["ca.pem", "cert.pem", "key.pem"] as const;
export type TlsMaterial = Readonly<Partial<Record<(typeof TLS_FILES)[number], Uint8Array>>>;

export function writeTls(configDir: string, name: string, material: TlsMaterial): void {
  const directory = join(tlsDirectory(configDir, name), "docker");
  for (const file of TLS_FILES) {
    const bytes = material[file];
    if (bytes === undefined) continue;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(join(directory, file), bytes, { mode: 0o600 });
  }
}

export function readTls(configDir: string, name: string): TlsMaterial {
  const directory = join(tlsDirectory(configDir, name), "docker");
  const found = TLS_FILES.filter((file) => existsSync(join(directory, file)));
  return Object.fromEntries(found.map((file) => [file, readFileSync(join(directory, file))]));
}

export function removeContext(configDir: string, name: string): void {
  rmSync(metaDirectory(configDir, name), { recursive: true, force: true });
  rmSync(tlsDirectory(configDir, name), { recursive: true, force: true });
}
