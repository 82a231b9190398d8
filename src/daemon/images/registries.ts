/** Which registries may be spoken to without TLS that somebody vouches for, and what containerd needs to be told. */
import { mkdirSync, writeFileSync } from "node:fs";
import type { Reference } from "../../lib/reference.ts";
import type { ImageParts, RegistryOptions } from "./parts.ts";

function ipv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  const bytes = match.slice(1).map(Number);
  return bytes.some((byte) => byte > 255) ? undefined : bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

function inRange(host: string, cidr: string): boolean {
  const [network = "", length = ""] = cidr.split("/");
  const address = ipv4(host);
  const base = ipv4(network);
  const bits = Number(length);
  if (address === undefined || base === undefined || !/^[0-9]{1,2}$/.test(length) || bits > 32) return false;
  const size = 2 ** (32 - bits);
  return Math.floor(address / size) === Math.floor(base / size);
}

const hostOf = (domain: string) => domain.replace(/:[0-9]+$/, "");

/** Loopback always is; dockerd also resolves names, which we leave to whoever lists the name itself. */
export function isInsecure(domain: string, { insecureRegistries }: RegistryOptions): boolean {
  const host = hostOf(domain);
  if (isLoopback(domain)) return true;
  return insecureRegistries.some(
    (entry) => entry === domain || entry === host || (entry.includes("/") && inRange(host, entry)),
  );
}

export function isLoopback(domain: string): boolean {
  const host = hostOf(domain);
  return host === "localhost" || host === "[::1]" || inRange(host, "127.0.0.0/8");
}

const tomlString = (text: string) => JSON.stringify(text);

/** A hosts.toml as containerd reads it: mirrors of docker.io, and insecure registries by HTTPS without verification, then HTTP. */
function hostsToml(domain: string, registries: RegistryOptions): string {
  const insecure = isInsecure(domain, registries);
  const urls = domain === "docker.io" ? registries.mirrors : [];
  const lines = [
    `server = ${tomlString(`${insecure ? "http" : "https"}://${domain === "docker.io" ? "registry-1.docker.io" : domain}`)}`,
  ];
  for (const url of urls)
    lines.push(`[host.${tomlString(url.replace(/\/$/, ""))}]`, '  capabilities = ["pull", "resolve"]');
  if (insecure && !isLoopback(domain))
    lines.push(
      `[host.${tomlString(`https://${domain}`)}]`,
      '  capabilities = ["pull", "resolve", "push"]',
      "  skip_verify = true",
    );
  return `${lines.join("\n")}\n`;
}

export interface RegistryAccess {
  readonly scheme: string;
  readonly hostDir: string;
}

/** Where containerd finds what was configured; a registry that nobody said anything about needs no file. */
export function accessTo(
  { domain }: Reference,
  { registries, hostsDir }: Pick<ImageParts, "registries" | "hostsDir">,
): RegistryAccess {
  if (isLoopback(domain)) return { scheme: "http", hostDir: "" };
  const mirrored = domain === "docker.io" && registries.mirrors.length > 0;
  const insecure = isInsecure(domain, registries);
  if (!mirrored && !insecure) return { scheme: "", hostDir: "" };
  const directory = `${hostsDir}/${domain}`;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(`${directory}/hosts.toml`, hostsToml(domain, registries), { mode: 0o600 });
  return { scheme: insecure ? "http" : "", hostDir: hostsDir };
}
