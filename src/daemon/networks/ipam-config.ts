/** Checks of the subnets a user gives, with all that is wrong with them in one message, as moby's validateIpamConfig. */
import { isIP } from "node:net";
import {
  type Cidr,
  formatIpv4,
  formatNetwork,
  networkOf,
  overlap,
  parseCidr,
  parseIpv4,
} from "../../kernel/netlink/ipv4.ts";
import type { IpamConfig } from "./network.ts";
import { invalid, joinProblems } from "./words.ts";

const format = ({ address, prefix }: Cidr) => `${formatIpv4(address)}/${prefix}`;

function tryCidr(text: string): Cidr | undefined {
  try {
    return parseCidr(text);
  } catch {
    return undefined;
  }
}

const isIpv6Cidr = (text: string) => isIP(text.split("/")[0] ?? "") === 6 && /\/\d{1,3}$/.test(text);

function rangeProblems(range: string, subnet: Cidr): string[] {
  const parsed = tryCidr(range);
  if (parsed === undefined)
    return isIpv6Cidr(range)
      ? [`invalid ip-range ${range}: parent subnet is an IPv4 block`]
      : [`invalid ip-range ${range}: invalid CIDR block notation`];
  return [
    ...(parsed.prefix < subnet.prefix
      ? [`invalid ip-range ${range}: CIDR block is bigger than its parent subnet ${formatNetwork(subnet)}`]
      : []),
    ...(parsed.address === networkOf(parsed)
      ? []
      : [`invalid ip-range ${range}: it should be ${formatNetwork(parsed)}`]),
    ...(overlap(parsed, subnet)
      ? []
      : [`invalid ip-range ${range}: parent subnet ${formatNetwork(subnet)} doesn't contain ip-range`]),
  ];
}

function addressProblem(text: string, subnet: Cidr): string | undefined {
  const address = parseIpv4(text);
  if (address === undefined) return isIP(text) === 6 ? "parent subnet is an IPv4 block" : "invalid address";
  const inside = overlap({ address, prefix: 32 }, subnet);
  return inside ? undefined : `parent subnet ${format(subnet)} doesn't contain this address`;
}

function problemsOf(config: IpamConfig): string[] {
  const { Subnet: text = "", IPRange, Gateway, AuxiliaryAddresses = {} } = config;
  const subnet = tryCidr(text);
  if (subnet === undefined) return [`invalid subnet ${text}: invalid CIDR block notation`];
  const problems: string[] = [];
  if (subnet.address !== networkOf(subnet))
    problems.push(`invalid subnet ${text}: it should be ${formatNetwork(subnet)}`);
  if (IPRange !== undefined) problems.push(...rangeProblems(IPRange, subnet));
  const gateway = Gateway === undefined ? undefined : addressProblem(Gateway, subnet);
  if (gateway !== undefined) problems.push(`invalid gateway ${Gateway}: ${gateway}`);
  for (const [name, address] of Object.entries(AuxiliaryAddresses)) {
    const problem = addressProblem(address, subnet);
    if (problem !== undefined) problems.push(`invalid auxiliary address ${name}: ${problem}`);
  }
  return problems;
}

/** @throws invalid_argument, unimplemented for IPv6 */
export function checkIpamConfig(configs: readonly IpamConfig[]): void {
  const problems = configs.filter(({ Subnet = "" }) => !isIpv6Cidr(Subnet)).flatMap(problemsOf);
  if (problems.length > 0) throw invalid(`invalid network config:\n${joinProblems(problems)}`);
}

export const isIpv6Config = ({ Subnet = "" }: IpamConfig): boolean => isIpv6Cidr(Subnet);
