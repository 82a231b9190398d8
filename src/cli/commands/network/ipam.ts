/** `--subnet`, `--ip-range`, `--gateway` and `--aux-address`, put together by the subnet they lie in, as docker does. */
import { CliError } from "../../errors.ts";

export interface IpamConfig {
  readonly Subnet: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

interface Net {
  readonly bits: bigint;
  readonly length: number;
  readonly width: number;
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((bits, part) => bits * 256n + BigInt(part), 0n);
}

function parseV6(text: string): bigint | undefined {
  if (!/^[0-9a-fA-F:]+$/.test(text) || !text.includes(":")) return undefined;
  const [head = "", tail, more] = text.split("::");
  if (more !== undefined) return undefined;
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const missing = 8 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const all = [...before, ...Array<string>(Math.max(missing, 0)).fill("0"), ...after];
  if (!all.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return all.reduce((bits, group) => bits * 65536n + BigInt(`0x${group}`), 0n);
}

function parseNet(text: string): Net | undefined {
  const [address = "", length] = text.split("/");
  const width = address.includes(":") ? 128 : 32;
  const bits = width === 32 ? parseV4(address) : parseV6(address);
  if (bits === undefined || (length !== undefined && !(/^\d{1,3}$/.test(length) && Number(length) <= width)))
    return undefined;
  return { bits, length: length === undefined ? width : Number(length), width };
}

/** The first address of `inner` lies in `outer`. */
function contains(outer: Net, inner: Net): boolean {
  if (outer.width !== inner.width) return false;
  const shift = BigInt(outer.width - outer.length);
  return outer.bits >> shift === inner.bits >> shift;
}

function subnetOf(text: string): Net {
  const net = text.includes("/") ? parseNet(text) : undefined;
  if (net === undefined) throw new CliError(`invalid CIDR address: ${text}`);
  return net;
}

/** @throws CliError in docker's words */
export function ipamConfigs(
  subnets: readonly string[],
  ranges: readonly string[],
  gateways: readonly string[],
  auxiliary: Readonly<Record<string, string>>,
): IpamConfig[] {
  if (subnets.length < ranges.length || subnets.length < gateways.length)
    throw new CliError("every ip-range or gateway must have a corresponding subnet");
  const parsed = subnets.map((text) => ({ text, net: text.includes("/") ? parseNet(text) : undefined }));
  for (const [at, { net }] of parsed.entries())
    for (const other of parsed.slice(at + 1))
      if (
        net !== undefined &&
        other.net !== undefined &&
        (contains(net, other.net) || contains(other.net, net))
      )
        throw new CliError("multiple overlapping subnet configuration is not supported");
  const configs = subnets.map((Subnet): IpamConfig => ({ Subnet }));
  const owner = (text: string): IpamConfig | undefined => {
    const address = parseNet(text);
    if (address === undefined) throw new CliError(`invalid CIDR address: ${text}`);
    return configs.find(({ Subnet }) => contains(subnetOf(Subnet), address));
  };
  const place = (text: string, what: string, field: "IPRange" | "Gateway"): void => {
    const config = owner(text);
    if (config === undefined) throw new CliError(`no matching subnet for ${what} ${text}`);
    if (config[field] !== undefined)
      throw new CliError(
        `cannot configure multiple ${what}s (${text}, ${config[field]}) for the same subnet (${config.Subnet})`,
      );
    config[field] = text;
  };
  for (const range of ranges) place(range, "range", "IPRange");
  for (const gateway of gateways) place(gateway, "gateway", "Gateway");
  for (const [name, address] of Object.entries(auxiliary)) {
    const config = owner(address);
    if (config === undefined) throw new CliError(`no matching subnet for aux-address ${address}`);
    config.AuxiliaryAddresses = { ...config.AuxiliaryAddresses, [name]: address };
  }
  return configs;
}
