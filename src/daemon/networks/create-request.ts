/** The body of `POST /networks/create`: untrusted JSON to what it asks for, every field with the type it must have. */
import { SkiffError } from "../../lib/errors.ts";
import type { IpamConfig } from "./network.ts";

export interface CreateRequest {
  readonly name: string;
  readonly driver: string;
  readonly scope: string;
  readonly enableIpv4: boolean;
  readonly enableIpv6: boolean;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly ingress: boolean;
  readonly configOnly: boolean;
  /** Name of a configuration network; "" for none. */
  readonly configFrom: string;
  readonly ipam: {
    readonly driver: string;
    readonly options: Readonly<Record<string, string>> | null;
    readonly config: readonly IpamConfig[];
  };
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

type Json = Readonly<Record<string, unknown>>;

function wrong(field: string, type: string): SkiffError {
  return new SkiffError(
    "invalid_argument",
    `json: cannot unmarshal into Go struct field CreateRequest.${field} of type ${type}`,
  );
}

function text(body: Json, field: string): string {
  const value = body[field] ?? "";
  if (typeof value !== "string") throw wrong(field, "string");
  return value;
}

function flag(body: Json, field: string, byDefault = false): boolean {
  const value = body[field] ?? byDefault;
  if (typeof value !== "boolean") throw wrong(field, "bool");
  return value;
}

function object(body: Json, field: string): Json {
  const value = body[field] ?? {};
  if (typeof value !== "object" || Array.isArray(value)) throw wrong(field, "map[string]string");
  return value as Json;
}

function texts(body: Json, field: string): Record<string, string> {
  const entries = Object.entries(object(body, field));
  if (!entries.every(([, value]) => typeof value === "string")) throw wrong(field, "map[string]string");
  return Object.fromEntries(entries) as Record<string, string>;
}

function ipamConfig(value: unknown): IpamConfig {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw wrong("IPAM.Config", "network.IPAMConfig");
  const config = value as Json;
  const [subnet, range, gateway] = ["Subnet", "IPRange", "Gateway"].map((field) => text(config, field));
  const auxiliary = texts(config, "AuxiliaryAddresses");
  return {
    ...(subnet === "" ? {} : { Subnet: subnet! }),
    ...(range === "" ? {} : { IPRange: range! }),
    ...(gateway === "" ? {} : { Gateway: gateway! }),
    ...(Object.keys(auxiliary).length === 0 ? {} : { AuxiliaryAddresses: auxiliary }),
  };
}

/** @throws invalid_argument */
export function parseCreateRequest(body: Json): CreateRequest {
  const ipam = object(body, "IPAM");
  const config = ipam["Config"] ?? [];
  if (!Array.isArray(config)) throw wrong("IPAM.Config", "[]network.IPAMConfig");
  const options = texts(ipam, "Options");
  return {
    name: text(body, "Name"),
    driver: text(body, "Driver") || "bridge",
    scope: text(body, "Scope"),
    enableIpv4: flag(body, "EnableIPv4", true),
    enableIpv6: flag(body, "EnableIPv6"),
    internal: flag(body, "Internal"),
    attachable: flag(body, "Attachable"),
    ingress: flag(body, "Ingress"),
    configOnly: flag(body, "ConfigOnly"),
    configFrom: text(object(body, "ConfigFrom"), "Network"),
    ipam: {
      driver: text(ipam, "Driver") || "default",
      options: ipam["Options"] === undefined || ipam["Options"] === null ? null : options,
      config: config.map(ipamConfig),
    },
    options: texts(body, "Options"),
    labels: texts(body, "Labels"),
  };
}
