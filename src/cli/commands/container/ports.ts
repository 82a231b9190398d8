/** `-p [[ip:][hostPort]:]containerPort[/proto]` and `--expose`, ranges included (docker/go-connections, nat). */
import { isAddress } from "./addresses.ts";
import { checkPort } from "./devices.ts";
import { invalid } from "./values.ts";

export interface Ports {
  readonly ExposedPorts: Record<string, object>;
  readonly PortBindings: Record<string, { HostIp: string; HostPort: string }[]>;
}

interface Range {
  readonly first: number;
  readonly last: number;
}

function rangeOf(text: string, refuse: (why: string) => Error): Range {
  const dash = text.indexOf("-");
  const [low, high] = dash < 0 ? [text, text] : [text.slice(0, dash), text.slice(dash + 1)];
  const problem = text === "" ? "empty string specified for ports" : checkPort(low) || checkPort(high);
  if (problem !== "") throw refuse(problem);
  const [first, last] = [Number(low), Number(high)];
  if (last < first) throw refuse(`invalid range specified for port: ${text}`);
  return { first, last };
}

function protocolOf(text: string, whole: string): string {
  const protocol = (text || "tcp").toLowerCase();
  if (!["tcp", "udp", "sctp"].includes(protocol)) throw invalid(`invalid proto: ${protocol || whole}`);
  return protocol;
}

/** The last two colons part host port and container port; what is before is an address. */
function splitSpec(spec: string): readonly [ip: string, host: string, container: string] {
  const parts = spec.split(":");
  const container = parts.pop()!;
  const host = parts.pop() ?? "";
  return [parts.join(":").replace(/^\[(.*)\]$/, "$1"), host, container];
}

/** `published=80,target=80,protocol=tcp` is another way to write `80:80/tcp`. */
function shortForm(value: string): string {
  if (!value.includes("=")) return value;
  const fields = value.split(",").map((field) => {
    const equals = field.indexOf("=");
    if (equals > 0) return [field.slice(0, equals), field.slice(equals + 1)] as const;
    throw invalid(`invalid publish opts format (should be name=value but got '${field}')`);
  });
  const {
    published = "",
    target = "",
    protocol = "tcp",
  } = Object.fromEntries(fields) as Record<string, string>;
  return `${published}:${target}/${protocol}`;
}

export function portsOf(publish: readonly string[], expose: readonly string[]): Ports {
  const ports: Ports = { ExposedPorts: {}, PortBindings: {} };
  for (const value of publish.map(shortForm)) {
    const [body = "", proto = ""] = value.split("/");
    const protocol = protocolOf(proto, value);
    const [ip, host, container] = splitSpec(body);
    if (ip !== "" && !isAddress(ip)) throw invalid(`invalid IP address: ${ip}`);
    const inside = rangeOf(container, () => invalid(`invalid containerPort: ${container}`));
    const outside = host === "" ? undefined : rangeOf(host, () => invalid(`invalid hostPort: ${host}`));
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
    const { first, last } = rangeOf(body, (why) =>
      invalid(`invalid range format for --expose: ${value}, error: ${why}`),
    );
    for (let port = first; port <= last; port++)
      ports.ExposedPorts[`${port}/${protocolOf(proto, value)}`] = {};
  }
  return ports;
}
