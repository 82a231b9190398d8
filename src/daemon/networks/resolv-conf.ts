/** Text of a container's /etc/resolv.conf: resolv.conf(5), with Docker's rules. */
import { readFileSync } from "node:fs";
import type { DnsOptions } from "./network.ts";

const PATH = "/etc/resolv.conf";
/** systemd-resolved's own: /etc/resolv.conf then only names its stub on 127.0.0.53, which a container cannot reach. */
const RESOLVED_PATH = "/run/systemd/resolve/resolv.conf";
/** Docker's fallback when the host has no server that a container can reach. */
const FALLBACK = ["8.8.8.8", "8.8.4.4"] as const;

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function words(text: string, key: string): string[][] {
  return text
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([first]) => first === key)
    .map(([, ...rest]) => rest);
}

const serversOf = (text: string) => words(text, "nameserver").flatMap(([server]) => server ?? []);
const isLoopback = (server: string) => server.startsWith("127.") || server === "::1";

/** The host's file: systemd-resolved's real one where the usual one only has the stub. */
export function hostResolvConf(readText: (path: string) => string = read): string {
  const text = readText(PATH);
  const servers = serversOf(text);
  return servers.length === 1 && servers[0] === "127.0.0.53" ? readText(RESOLVED_PATH) || text : text;
}

/**
 * @param reachable the container shares the host's network, so servers on the loopback stay. Otherwise they go, and IPv6 ones too, as the
 * bridge has none.
 */
export function resolvConfText(host: string, dns: DnsOptions, reachable: boolean): string {
  const all = serversOf(host);
  const usable = reachable ? all : all.filter((server) => !isLoopback(server) && !server.includes(":"));
  const untouched = dns.servers.length + dns.search.length + dns.options.length === 0;
  if (untouched && usable.length === all.length && all.length > 0) return host;
  const servers = dns.servers.length > 0 ? dns.servers : usable.length > 0 ? usable : FALLBACK;
  // The last `search` line counts; `--dns-search .` means none.
  const search =
    dns.search.length > 0 ? dns.search.filter((name) => name !== ".") : (words(host, "search").at(-1) ?? []);
  const options = dns.options.length > 0 ? dns.options : words(host, "options").flat();
  return [
    ...servers.map((server) => `nameserver ${server}\n`),
    ...(search.length > 0 ? [`search ${search.join(" ")}\n`] : []),
    ...(options.length > 0 ? [`options ${options.join(" ")}\n`] : []),
  ].join("");
}
