/** Checks of the subnets a user gives, with all that is wrong with them in one message, as moby's validateIpamConfig. */
import { formatIpv4, parseIpv4 } from "../../kernel/netlink/ipv4.ts";
import { formatIpv6, maskOf6, parseIpv6 } from "../../kernel/netlink/ipv6.ts";
import type { IpamConfig } from "./network.ts";
import { invalid, joinProblems } from "./words.ts";

type Family = 4 | 6;

/** Of either family; IPv4 in the upper 32 of 128 bits, so that one mask serves both. */
interface Net {
  readonly family: Family;
  readonly address: bigint;
  readonly prefix: number;
}

const IPV4_SHIFT = 96n;

function parseIp(text: string): Pick<Net, "family" | "address"> | undefined {
  const four = parseIpv4(text);
  if (four !== undefined) return { family: 4, address: BigInt(four) << IPV4_SHIFT };
  const six = parseIpv6(text);
  return six === undefined ? undefined : { family: 6, address: six };
}

function parseNet(text: string): Net | undefined {
  const [ip = "", bits = "", ...rest] = text.split("/");
  const parsed = parseIp(ip);
  if (parsed === undefined || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(bits)) return undefined;
  const prefix = Number(bits);
  return prefix > (parsed.family === 4 ? 32 : 128) ? undefined : { ...parsed, prefix };
}

const masked = (net: Net): Net => ({ ...net, address: net.address & maskOf6(net.prefix) });

function format({ family, address, prefix }: Net): string {
  const ip = family === 4 ? formatIpv4(Number(address >> IPV4_SHIFT)) : formatIpv6(address);
  return `${ip}/${prefix}`;
}

/** Whether the first `prefix` bits are the same. */
function share(one: Pick<Net, "address">, other: Pick<Net, "address">, prefix: number): boolean {
  return ((one.address ^ other.address) & maskOf6(prefix)) === 0n;
}

function rangeProblems(text: string, subnet: Net): string[] {
  const fail = (why: string) => `invalid ip-range ${text}: ${why}`;
  const range = parseNet(text);
  if (range === undefined) return [fail("invalid CIDR block notation")];
  if (range.family !== subnet.family) return [fail(`parent subnet is an IPv${subnet.family} block`)];
  const found: string[] = [];
  if (range.prefix < subnet.prefix)
    found.push(fail(`CIDR block is bigger than its parent subnet ${format(masked(subnet))}`));
  if (range.address !== masked(range).address) found.push(fail(`it should be ${format(masked(range))}`));
  if (!share(range, subnet, Math.min(range.prefix, subnet.prefix)))
    found.push(fail(`parent subnet ${format(masked(subnet))} doesn't contain ip-range`));
  return found;
}

function addressProblem(text: string, subnet: Net): string | undefined {
  const address = parseIp(text);
  if (address === undefined) return "invalid address";
  if (address.family !== subnet.family) return `parent subnet is an IPv${subnet.family} block`;
  const inside = share(address, subnet, subnet.prefix);
  return inside ? undefined : `parent subnet ${format(subnet)} doesn't contain this address`;
}

function problemsOf(config: IpamConfig): string[] {
  const { Subnet: text = "", IPRange, Gateway, AuxiliaryAddresses = {} } = config;
  const subnet = parseNet(text);
  if (subnet === undefined) return [`invalid subnet ${text}: invalid CIDR block notation`];
  const problems: string[] = [];
  if (subnet.address !== masked(subnet).address)
    problems.push(`invalid subnet ${text}: it should be ${format(masked(subnet))}`);
  if (IPRange !== undefined) problems.push(...rangeProblems(IPRange, subnet));
  const gateway = Gateway === undefined ? undefined : addressProblem(Gateway, subnet);
  if (gateway !== undefined) problems.push(`invalid gateway ${Gateway}: ${gateway}`);
  for (const [name, address] of Object.entries(AuxiliaryAddresses)) {
    const problem = addressProblem(address, subnet);
    if (problem !== undefined) problems.push(`invalid auxiliary address ${name}: ${problem}`);
  }
  return problems;
}

/** @throws invalid_argument */
export function checkIpamConfig(configs: readonly IpamConfig[]): void {
  const problems = configs.flatMap(problemsOf);
  if (problems.length > 0) throw invalid(`invalid network config:\n${joinProblems(problems)}`);
}

export const isIpv6Config = ({ Subnet = "" }: IpamConfig): boolean => parseNet(Subnet)?.family === 6;
