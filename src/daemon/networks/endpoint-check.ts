/** What a container asks for in a network, refused in Docker's words where it cannot be. */
import { overlap, parseIpv4 } from "../../kernel/netlink/ipv4.ts";
import { overlap6, parseCidr6, parseIpv6 } from "../../kernel/netlink/ipv6.ts";
import { parseMac } from "../../kernel/netlink/link.ts";
import { isHostAddress } from "./addresses.ts";
import { PREDEFINED } from "./filters.ts";
import type { EndpointRequest } from "./network.ts";
import type { LiveNetwork } from "./record.ts";
import { invalid, joinProblems } from "./words.ts";

const UNCHOSEN =
  "user specified IP address is supported only when connecting to networks with user configured subnets";

function addressProblems(text: string, network: LiveNetwork | undefined): string[] {
  if (text === "") return [];
  const address = parseIpv4(text);
  if (address === undefined || address === 0) return [`invalid IPv4 address: ${text}`];
  if (network?.bridge === undefined || network.predefined) return [];
  const { plan, space } = network.bridge;
  if (!plan.fixed) return [UNCHOSEN];
  const inside = overlap({ address, prefix: 32 }, space.subnet) && isHostAddress(space.subnet, address);
  return inside ? [] : [`no configured subnet contains IP address ${text}`];
}

function address6Problems(text: string, network: LiveNetwork | undefined): string[] {
  if (text === "") return [];
  const address = parseIpv6(text);
  if (address === undefined || address === 0n) return [`invalid IPv6 address: ${text}`];
  if (network?.bridge === undefined || network.predefined) return [];
  const { ipv6 } = network.bridge.plan;
  if (ipv6?.fixed !== true) return [UNCHOSEN];
  const inside = overlap6({ address, prefix: 128 }, parseCidr6(ipv6.subnet));
  return inside ? [] : [`no configured subnet contains IP address ${text}`];
}

function macProblems(mac: string): string[] {
  try {
    if (mac !== "") parseMac(mac);
    return [];
  } catch {
    return [`invalid MAC address: ${mac}`];
  }
}

/**
 * @param key as the user wrote it; a network that is not there yet is no problem here
 * @throws invalid_argument
 */
export function checkEndpoint(
  key: string,
  network: LiveNetwork | undefined,
  { ip, ip6, mac, aliases }: EndpointRequest,
): void {
  const predefined = PREDEFINED.has(key) || network?.predefined === true;
  const problems = [
    ...(predefined && (ip !== "" || ip6 !== "")
      ? ["user specified IP address is supported on user defined networks only"]
      : []),
    ...(predefined && aliases.length > 0
      ? ["network-scoped alias is supported only for containers in user defined networks"]
      : []),
    ...addressProblems(ip, network),
    ...address6Problems(ip6, network),
    ...macProblems(mac),
  ];
  if (problems.length > 0) throw invalid(`invalid endpoint settings:\n${joinProblems(problems)}`);
}
