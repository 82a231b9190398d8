/** Decisions about a container's endpoints. Nothing is changed here. */
import { SkiffError } from "../../lib/errors.ts";
import type { Attachment, Endpoint, EndpointRequest } from "./network.ts";
import type { LiveNetwork } from "./record.ts";
import { invalid } from "./words.ts";

const SHORT_ID = 12;

export const ANYWHERE: EndpointRequest = Object.freeze({
  ip: "",
  ip6: "",
  mac: "",
  aliases: [],
  links: [],
  gwPriority: 0,
});

/** Container, network and what it asks for there. */
export interface Naming {
  readonly containerId: string;
  readonly name: string;
  readonly hostname: string;
}

/** The default networks have no names. */
export function dnsNamesOf(
  network: LiveNetwork,
  { containerId, name, hostname }: Naming,
  aliases: readonly string[],
): string[] {
  if (network.predefined) return [];
  const names = [name, ...aliases, containerId.slice(0, SHORT_ID), hostname];
  return [...new Set(names.filter((one) => one !== ""))];
}

/** `db:database`, or `/db:/web/database` as inspect shows it. */
export function parseLink(link: string): readonly [target: string, alias: string] {
  const [target = "", alias = target] = link.split(":");
  return [target.replace(/^\//, ""), alias.split("/").at(-1)!];
}

export function linksOf(links: readonly string[]): Record<string, string> {
  return Object.fromEntries(links.map(parseLink).map(([target, alias]) => [alias, target]));
}

/** Whose gateway is the default route. */
export function gatewayEndpoint(endpoints: readonly Endpoint[]): Endpoint | undefined {
  return endpoints
    .filter(({ gateway }) => gateway !== "")
    .toSorted((one, other) => other.gwPriority - one.gwPriority || (one.network < other.network ? -1 : 1))[0];
}

export const needsNames = ({ endpoints }: Pick<Attachment, "endpoints">): boolean =>
  endpoints.some(({ dnsNames }) => dnsNames.length > 0);

const SHARED =
  "container sharing network namespace with another container or host cannot be connected to any other network";
const WITH_NONE =
  "container cannot be connected to multiple networks with one of the networks in private (none) mode";

/** @throws invalid_argument for what cannot be together. `drivers` are those of the networks the container has. */
export function checkTogether(drivers: readonly string[], driver: string, mode: string): void {
  if (mode.startsWith("container:")) throw invalid(SHARED);
  if (driver === "host" && !drivers.includes("host"))
    throw invalid(
      "cannot connect container to host network - container must be created in host network mode",
    );
  if (drivers.length > 0 && (driver === "host" || drivers.includes("host"))) throw invalid(SHARED);
  if (drivers.length > 0 && (driver === "null" || drivers.includes("null"))) throw invalid(WITH_NONE);
}

export function alreadyConnected(name: string, network: string): SkiffError {
  return new SkiffError(
    "permission_denied",
    `endpoint with name ${name} already exists in network ${network}`,
  );
}
