/** `EndpointSettings` of a request body: untrusted JSON to fields of the types they must have. Unknown ones are dropped. */
import type { EndpointSettings } from "../containers/config.ts";
import { invalid } from "./words.ts";

type Json = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);
const isObject: Check = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isTextMap: Check = (value) => isObject(value) && Object.values(value as Json).every(isText);

const FIELDS: Readonly<Record<string, readonly [type: string, check: Check]>> = {
  Links: ["[]string", isTexts],
  Aliases: ["[]string", isTexts],
  DriverOpts: ["map[string]string", isTextMap],
  GwPriority: ["int", (value) => Number.isSafeInteger(value)],
  MacAddress: ["string", isText],
};
const IPAM_FIELDS: typeof FIELDS = {
  IPv4Address: ["string", isText],
  IPv6Address: ["string", isText],
  LinkLocalIPs: ["[]string", isTexts],
};

function pick(given: Json, fields: typeof FIELDS): Record<string, unknown> {
  const known = Object.entries(given).filter(([name, value]) => name in fields && value !== null);
  for (const [name, value] of known) {
    const [type, check] = fields[name]!;
    if (!check(value))
      throw invalid(`json: cannot unmarshal into Go struct field EndpointSettings.${name} of type ${type}`);
  }
  return Object.fromEntries(known);
}

/** @throws invalid_argument */
export function parseEndpointSettings(value: unknown): EndpointSettings {
  if (value === undefined || value === null) return {};
  if (!isObject(value))
    throw invalid("json: cannot unmarshal into Go value of type network.EndpointSettings");
  const given = value as Json;
  const ipam = given["IPAMConfig"];
  if (ipam === undefined || ipam === null) return pick(given, FIELDS);
  if (!isObject(ipam))
    throw invalid("json: cannot unmarshal into Go value of type network.EndpointIPAMConfig");
  return { ...pick(given, FIELDS), IPAMConfig: pick(ipam as Json, IPAM_FIELDS) };
}
