/** `--network` in its two forms (a name, or `name=…,alias=…,ip=…`) and the flags beside it, as NetworkMode and endpoints. */
import type { EndpointSettings } from "../../../contracts/engine/network.ts";
import type { Parsed } from "../../command.ts";
import { checkMac } from "./addresses.ts";
import { fieldsOf, invalid } from "./values.ts";

export interface Networks {
  readonly mode: string;
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
}

/** What a container wants of one network. */
interface Attachment {
  target: string;
  aliases: readonly string[];
  links: readonly string[];
  linkLocal: readonly string[];
  ip: string;
  ip6: string;
  mac: string;
  priority: number;
  readonly options: Record<string, string>;
}

const plain = (target: string): Attachment => ({
  ...{ target, aliases: [], links: [], linkLocal: [], ip: "", ip6: "", mac: "", priority: 0 },
  options: {},
});

function setField(to: Attachment, key: string, value: string): void {
  if (key === "name") to.target = value;
  else if (key === "alias") to.aliases = [...to.aliases, value];
  else if (key === "ip") to.ip = value;
  else if (key === "ip6") to.ip6 = value;
  else if (key === "mac-address") to.mac = value;
  else if (key === "link-local-ip") to.linkLocal = [...to.linkLocal, value];
  else if (key === "driver-opt") {
    const equals = value.indexOf("=");
    if (equals <= 0) throw invalid("invalid key value pair format in driver options");
    to.options[value.slice(0, equals).trim()] = value.slice(equals + 1).trim();
  } else if (key === "gw-priority") {
    if (!/^[+-]?\d+$/.test(value)) throw invalid(`invalid gw-priority (${value}): invalid syntax`);
    to.priority = Number(value);
  } else throw invalid(`invalid field key ${key}`);
}

/** One value of `--network`. */
export function attachmentOf(value: string): Attachment {
  if (!/\w+=\w+(,\w+=\w+)*/.test(value)) return plain(value);
  const attachment = plain("");
  for (const field of fieldsOf(value)) {
    const [, key = "", text = ""] = /^([^=]+)=(.*)$/s.exec(field.toLowerCase()) ?? [];
    if (key === "") throw invalid(`invalid field ${field.toLowerCase()}`);
    setField(attachment, key.trim(), text.trim());
  }
  if (attachment.target === "") throw invalid("network name/id is not specified");
  return attachment;
}

const isUserDefined = (name: string): boolean =>
  !/^(?:default|bridge|host|none|container:.*|container)$/.test(name);

/** The flags of old are about the first network. */
function addFlags(to: Attachment, flags: Parsed): void {
  const both = (flag: string, what: string) =>
    invalid(`conflicting options: cannot specify both --${flag} and per-network ${what}`);
  const aliases = flags.list("network-alias");
  const [ip, ip6, mac] = [flags.text("ip"), flags.text("ip6"), flags.text("mac-address")];
  const local = flags.list("link-local-ip");
  if (to.aliases.length > 0 && aliases.length > 0) throw both("network-alias", "alias");
  if (to.ip !== "" && ip !== "") throw both("ip", "IPv4 address");
  if (to.ip6 !== "" && ip6 !== "") throw both("ip6", "IPv6 address");
  if (to.mac !== "" && mac !== "") throw both("mac-address", "MAC address");
  if (to.linkLocal.length > 0 && local.length > 0) throw both("link-local-ip", "link-local IP addresses");
  if (aliases.length > 0) to.aliases = aliases;
  // On the default bridge a link is the container's, not the endpoint's.
  if (isUserDefined(to.target)) to.links = flags.list("link");
  to.ip ||= ip;
  to.ip6 ||= ip6;
  to.mac ||= mac;
  if (local.length > 0) to.linkLocal = local;
}

function settingsOf(from: Attachment): EndpointSettings {
  if (from.target.trim() === "") throw invalid("no name set for network");
  if (!isUserDefined(from.target)) {
    const only = "are only supported for user-defined networks";
    if (from.aliases.length > 0) throw invalid(`network-scoped aliases ${only}`);
    if (from.links.length > 0) throw invalid(`links ${only}`);
  }
  if (from.mac !== "") checkMac(from.mac);
  const addressed = from.ip !== "" || from.ip6 !== "" || from.linkLocal.length > 0;
  const address = {
    ...(from.ip === "" ? {} : { IPv4Address: from.ip }),
    ...(from.ip6 === "" ? {} : { IPv6Address: from.ip6 }),
    ...(from.linkLocal.length === 0 ? {} : { LinkLocalIPs: from.linkLocal }),
  };
  return {
    IPAMConfig: addressed ? address : null,
    Links: from.links.length === 0 ? null : from.links,
    Aliases: from.aliases.length === 0 ? null : from.aliases,
    MacAddress: from.mac,
    DriverOpts: Object.keys(from.options).length === 0 ? null : from.options,
    GwPriority: from.priority,
    ...{ NetworkID: "", EndpointID: "", Gateway: "", IPAddress: "", IPPrefixLen: 0, IPv6Gateway: "" },
    ...{ GlobalIPv6Address: "", GlobalIPv6PrefixLen: 0, DNSNames: null },
  };
}

function isEmpty({
  IPAMConfig,
  Links,
  Aliases,
  DriverOpts,
  GwPriority,
  MacAddress,
}: EndpointSettings): boolean {
  return (IPAMConfig ?? Links ?? Aliases ?? DriverOpts) === null && GwPriority === 0 && MacAddress === "";
}

export function networksOf(flags: Parsed): Networks {
  const attachments = flags.list("network").map(attachmentOf);
  const mode = attachments[0]?.target ?? "default";
  const named = attachments.length;
  if (named === 0) attachments.push(plain("default"));
  addFlags(attachments[0]!, flags);
  const endpoints: Record<string, EndpointSettings> = {};
  for (const attachment of attachments) {
    const settings = settingsOf(attachment);
    if (attachment.target in endpoints)
      throw invalid(`network "${attachment.target}" is specified multiple times`);
    // One network and nothing said about it: the daemon makes the same of the mode alone.
    if (named !== 1 || !isEmpty(settings)) endpoints[attachment.target] = settings;
  }
  const own = attachments.filter(({ target }) => isUserDefined(target)).length;
  if (own > 0 && own < attachments.length)
    throw invalid("conflicting options: cannot attach both user-defined and non-user-defined network-modes");
  return { mode, endpoints };
}
