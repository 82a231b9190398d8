/** From what was asked for (`-p`, `-P`, EXPOSE) to ports that are reserved. */

import { formatIpv4, parseIpv4 } from "../../kernel/netlink/ipv4.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { Publication } from "./firewall.ts";
import type { HostPorts, Protocol } from "./host-ports.ts";
import type { PortBinding, PortRequest, PublishedPort } from "./network.ts";

const ANY: PortBinding = { HostIp: "", HostPort: "" };

function parsePort(text: string): { port: number; protocol: Protocol } {
  const match = /^(\d{1,5})(?:\/(\w+))?$/.exec(text);
  const port = Number(match?.[1]);
  if (match === null || port < 1 || port > 65535)
    throw new SkiffError("invalid_argument", `invalid port specification: "${text}"`);
  const protocol = match[2] ?? "tcp";
  if (protocol !== "tcp" && protocol !== "udp")
    throw new SkiffError("unimplemented", `publish port ${text}: only tcp and udp are supported`);
  return { port, protocol };
}

function parseHostIp(text: string, byDefault: number): number {
  if (text === "") return byDefault;
  const ip = parseIpv4(text);
  if (ip === undefined)
    throw new SkiffError("unimplemented", `publish port on ${text}: only IPv4 addresses are supported`);
  return ip;
}

/** undefined: any free port. */
function parseHostPort(text: string): readonly [number, number] | undefined {
  if (text === "" || text === "0") return undefined;
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const range = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])] as const;
  if (match === null || range[0] < 1 || range[1] > 65535 || range[0] > range[1])
    throw new SkiffError("invalid_argument", `invalid port specification: "${text}"`);
  return range;
}

/** Every container port with the bindings asked for; `-P` gives an exposed port that has none any free one. */
export function wantedPorts(
  request: PortRequest,
): readonly (readonly [string, readonly PortBinding[] | null])[] {
  const wanted = new Map<string, readonly PortBinding[] | null>();
  const canonical = (port: string) => (port.includes("/") ? port : `${port}/tcp`);
  for (const port of request.exposedPorts) wanted.set(canonical(port), request.publishAll ? [ANY] : null);
  for (const [port, bindings] of Object.entries(request.portBindings)) {
    const given = bindings ?? [];
    const fallback = request.publishAll ? [ANY] : null;
    wanted.set(canonical(port), given.length > 0 ? given : (wanted.get(canonical(port)) ?? fallback));
  }
  return [...wanted].sort(([one], [other]) => (one < other ? -1 : 1));
}

/** Reserves all of them, or none. @param defaultIp where none is named @throws in Docker's words */
export function reservePorts(
  hostPorts: HostPorts,
  request: PortRequest,
  containerIp: string,
  defaultIp = 0,
): PublishedPort[] {
  const done: PublishedPort[] = [];
  try {
    for (const [text, bindings] of wantedPorts(request)) {
      for (const { HostIp, HostPort } of bindings ?? []) {
        const { port: containerPort, protocol } = parsePort(text);
        const ip = parseHostIp(HostIp, defaultIp);
        const range = parseHostPort(HostPort);
        const target = `${containerIp}:${containerPort}/${protocol}`;
        const single = range !== undefined && range[0] === range[1];
        if (single) hostPorts.reserve({ protocol, ip, port: range[0] }, target);
        const hostPort = single ? range[0] : hostPorts.reserveAny(protocol, ip, target, range);
        done.push({ protocol, containerPort, hostIp: formatIpv4(ip), hostPort });
      }
    }
  } catch (error) {
    freePorts(hostPorts, done);
    throw error;
  }
  return done;
}

export function freePorts(hostPorts: HostPorts, ports: readonly PublishedPort[]): void {
  for (const { protocol, hostIp, hostPort } of ports)
    hostPorts.free({ protocol, ip: parseIpv4(hostIp)!, port: hostPort });
}

/** As inspect shows them. */
export function portMap(
  request: PortRequest,
  published: readonly PublishedPort[],
): Record<string, PortBinding[] | null> {
  return Object.fromEntries(
    wantedPorts(request).map(([text, bindings]) => {
      const own = published.filter(({ containerPort, protocol }) => `${containerPort}/${protocol}` === text);
      const shown = own.map(({ hostIp, hostPort }) => ({ HostIp: hostIp, HostPort: String(hostPort) }));
      return [text, bindings === null ? null : shown];
    }),
  );
}

export function publicationsOf(containerIp: string, published: readonly PublishedPort[]): Publication[] {
  return published.map(({ protocol, hostIp, hostPort, containerPort }) => ({
    ...{ protocol, hostPort, containerPort },
    hostIp: parseIpv4(hostIp)!,
    containerIp: parseIpv4(containerIp)!,
  }));
}
