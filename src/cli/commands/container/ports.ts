/** `-p [[ip:][hostPort]:]containerPort[/proto]` and `--expose`, ranges included (docker/go-connections, nat). */
import { invalid } from "./values.ts";

/** Looks like one: the daemon knows better, and `node:net` would cost every run two milliseconds. */
const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:.]*:[0-9a-f:.%]*)$/i;

export interface Ports {
  readonly ExposedPorts: Record<string, object>;
  readonly PortBindings: Record<string, { HostIp: string; HostPort: string }[]>;
}

interface Range {
  readonly first: number;
  readonly last: number;
}

function rangeOf(text: string, what: string, whole: string): Range {
  const [, low = "", high] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [first, last] = [Number(low), Number(high ?? low)];
  if (low === "" || first > 65535 || last > 65535 || last < first) throw invalid(`invalid ${what}: ${whole}`);
  return { first, last };
}

function protocolOf(text: string, whole: string): string {
  const protocol = (text || "tcp").toLowerCase();
  if (!["tcp", "udp", "sctp"].includes(protocol)) throw invalid(`invalid proto: ${protocol || whole}`);
  return protocol;
}

/** The last two colons part host port and container port; what is before is an address. */
function splitSpec(spec: string): readonly [ip: string, host: string, container: string] {
  const parts = /^(?:(\[[^\]]+\]|[^:]*):)?(?:([^:]*):)?([^:]+)$/.exec(spec);
  if (parts === null) throw invalid(`invalid publish opts format (should be name=value but got '${spec}')`);
  const [, one, two, container = ""] = parts;
  if (two !== undefined) return [(one ?? "").replace(/^\[|\]$/g, ""), two, container];
  return ["", one ?? "", container];
}

export function portsOf(publish: readonly string[], expose: readonly string[]): Ports {
  const ports: Ports = { ExposedPorts: {}, PortBindings: {} };
  for (const value of publish) {
    const [body = "", proto = ""] = value.split("/");
    const protocol = protocolOf(proto, value);
    const [ip, host, container] = splitSpec(body);
    if (ip !== "" && !ADDRESS.test(ip)) throw invalid(`invalid IP address: ${ip}`);
    const inside = rangeOf(container, "containerPort", container);
    const outside = host === "" ? undefined : rangeOf(host, "hostPort", host);
    const count = inside.last - inside.first;
    const one = count === 0 && outside !== undefined && outside.last > outside.first;
    if (outside !== undefined && !one && outside.last - outside.first !== count)
      throw invalid(`invalid ranges specified for container and host Ports: ${container} and ${host}`);
    for (let offset = 0; offset <= count; offset++) {
      const key = `${inside.first + offset}/${protocol}`;
      const HostPort = outside === undefined ? "" : one ? host : String(outside.first + offset);
      ports.ExposedPorts[key] = {};
      ports.PortBindings[key] = [...(ports.PortBindings[key] ?? []), { HostIp: ip, HostPort }];
    }
  }
  for (const value of expose) {
    const [body = "", proto = ""] = value.split("/");
    if (body.includes(":")) throw invalid(`invalid port format for --expose: ${value}`);
    const { first, last } = rangeOf(body, "range format for --expose", value);
    for (let port = first; port <= last; port++)
      ports.ExposedPorts[`${port}/${protocolOf(proto, value)}`] = {};
  }
  return ports;
}
