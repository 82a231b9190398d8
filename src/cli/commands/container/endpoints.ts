/** `--network` in its two forms (a name, or `name=…,alias=…,ip=…`) and the flags beside it, as NetworkMode and endpoints. */
import type { EndpointSettings } from "../../../contracts/engine/network.ts";
import type { Parsed } from "../../command.ts";
import { invalid } from "./values.ts";

export interface Networks {
  readonly mode: string;
  readonly endpoints: Record<string, EndpointSettings>;
}

type Draft = Record<string, unknown>;

function advanced(value: string): { readonly name: string; readonly settings: Draft } {
  const settings: Draft = {};
  let name = "";
  const address: Draft = {};
  const options: Record<string, string> = {};
  const aliases: string[] = [];
  for (const field of value.split(",")) {
    const equals = field.indexOf("=");
    const key = field.slice(0, Math.max(equals, 0)).trim().toLowerCase();
    const text = field.slice(equals + 1).trim();
    if (equals <= 0)
      throw invalid(`invalid argument "${value}" for "--network" flag: invalid field ${field}`);
    if (key === "name") name = text;
    else if (key === "alias") aliases.push(text);
    else if (key === "ip") address["IPv4Address"] = text;
    else if (key === "ip6") address["IPv6Address"] = text;
    else if (key === "link-local-ip")
      address["LinkLocalIPs"] = [...((address["LinkLocalIPs"] as string[]) ?? []), text];
    else if (key === "mac-address") settings["MacAddress"] = text;
    else if (key === "gw-priority") settings["GwPriority"] = Number(text);
    else if (key === "driver-opt") {
      const at = text.indexOf("=");
      options[text.slice(0, at)] = text.slice(at + 1);
    } else throw invalid(`invalid argument "${value}" for "--network" flag: invalid field key ${key}`);
  }
  if (name === "")
    throw invalid(`invalid argument "${value}" for "--network" flag: network name/id is not specified`);
  if (aliases.length > 0) settings["Aliases"] = aliases;
  if (Object.keys(address).length > 0) settings["IPAMConfig"] = address;
  if (Object.keys(options).length > 0) settings["DriverOpts"] = options;
  return { name, settings };
}

const SPECIAL = /^(?:host|none|container:.*)$/;

export function networksOf(flags: Parsed): Networks {
  const values = [...flags.list("network"), ...flags.list("net")];
  const parsed = values.map((value) =>
    value.includes("=") && !value.startsWith("container:")
      ? advanced(value)
      : { name: value, settings: {} as Draft },
  );
  if (parsed.length > 1 && parsed.some(({ name }) => SPECIAL.test(name)))
    throw invalid("conflicting options: cannot attach both user-defined and non-user-defined network-modes");
  const mode = parsed[0]?.name ?? "default";
  const first: Draft = { ...parsed[0]?.settings };
  const aliases = [...flags.list("network-alias"), ...flags.list("net-alias")];
  const address: Draft = { ...(first["IPAMConfig"] as Draft | undefined) };
  if (flags.text("ip") !== "") address["IPv4Address"] = flags.text("ip");
  if (flags.text("ip6") !== "") address["IPv6Address"] = flags.text("ip6");
  if (flags.list("link-local-ip").length > 0) address["LinkLocalIPs"] = flags.list("link-local-ip");
  if (Object.keys(address).length > 0) first["IPAMConfig"] = address;
  if (aliases.length > 0) first["Aliases"] = [...((first["Aliases"] as string[]) ?? []), ...aliases];
  if (flags.list("link").length > 0 && mode !== "default" && mode !== "bridge")
    first["Links"] = flags.list("link");
  if (flags.text("mac-address") !== "") first["MacAddress"] = flags.text("mac-address");
  if (SPECIAL.test(mode) && aliases.length > 0)
    throw invalid("conflicting options: cannot attach both user-defined and non-user-defined network-modes");
  const entries = parsed.map(({ name, settings }, at) => [name, at === 0 ? first : settings] as const);
  if (entries.length === 0 && Object.keys(first).length > 0) entries.push(["default", first]);
  return { mode, endpoints: Object.fromEntries(entries) as unknown as Networks["endpoints"] };
}
