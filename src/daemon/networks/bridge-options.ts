/** Options of the bridge driver, from the strings they come as. */
import { parseIpv4 } from "../../kernel/netlink/ipv4.ts";
import { SkiffError } from "../../lib/errors.ts";
import { invalid } from "./words.ts";

export interface BridgeSettings {
  /** "" is `br-` and the network's id. */
  readonly name: string;
  readonly mtu: number;
  /** Containers of the network may talk to each other. */
  readonly icc: boolean;
  readonly masquerade: boolean;
  /** Ports of the host are published on this address when none is named. */
  readonly hostBinding: string;
  /** `nat-unprotected`: ports that are not published are reached, too. `isolated`: the host has no address on the bridge. */
  readonly gatewayMode: "nat" | "nat-unprotected" | "isolated";
  /** Names of interfaces inside: `eth`. */
  readonly interfacePrefix: string;
}

const BRIDGE = "com.docker.network.bridge";
const MTU_MAX = 65_535;
const TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);
const NAME = /^[^\s/\0]{1,15}$/;
const PREFIX = /^[A-Za-z][A-Za-z0-9_.-]{0,11}$/;

function fail(label: string, value: string, why: string): SkiffError {
  return invalid(`failed to parse ${label} value: ${value} (${why})`);
}

function boolean(options: Readonly<Record<string, string>>, label: string): boolean {
  const value = options[label];
  if (value === undefined || TRUE.has(value)) return true;
  if (FALSE.has(value)) return false;
  throw fail(label, value, `strconv.ParseBool: parsing "${value}": invalid syntax`);
}

function mtuOf(value: string | undefined, byDefault: number): number {
  const label = "com.docker.network.driver.mtu";
  if (value === undefined) return byDefault;
  if (!/^-?\d{1,9}$/.test(value))
    throw fail(label, value, `strconv.Atoi: parsing "${value}": invalid syntax`);
  const mtu = Number(value);
  if (mtu < 0 || mtu > MTU_MAX) throw invalid(`invalid MTU number: ${mtu}`);
  return mtu === 0 ? byDefault : mtu;
}

function gatewayModeOf(value: string, internal: boolean): BridgeSettings["gatewayMode"] {
  if (value === "" || value === "nat") return "nat";
  if (value === "nat-unprotected") return value;
  if (value === "isolated") {
    if (internal) return value;
    throw invalid("gateway mode 'isolated' can only be used for an internal network");
  }
  if (value === "routed")
    throw new SkiffError("unimplemented", "gateway mode 'routed' is not implemented by this engine");
  throw fail(`${BRIDGE}.gateway_mode_ipv4`, value, `unknown gateway mode ${value}`);
}

/** @throws invalid_argument in Docker's words */
export function parseBridgeOptions(
  options: Readonly<Record<string, string>>,
  defaults: { readonly mtu: number; readonly internal: boolean },
): BridgeSettings {
  const name = options[`${BRIDGE}.name`] ?? "";
  if (name !== "" && !NAME.test(name)) throw invalid(`invalid bridge name: ${name}`);
  const hostBinding = options[`${BRIDGE}.host_binding_ipv4`] ?? "0.0.0.0";
  if (parseIpv4(hostBinding) === undefined) throw fail(`${BRIDGE}.host_binding_ipv4`, hostBinding, "nil ip");
  const interfacePrefix = options["com.docker.network.container_iface_prefix"] ?? "eth";
  if (!PREFIX.test(interfacePrefix))
    throw fail("com.docker.network.container_iface_prefix", interfacePrefix, "invalid interface name");
  return {
    ...{ name, hostBinding, interfacePrefix },
    mtu: mtuOf(options["com.docker.network.driver.mtu"], defaults.mtu),
    icc: boolean(options, `${BRIDGE}.enable_icc`),
    masquerade: boolean(options, `${BRIDGE}.enable_ip_masquerade`),
    gatewayMode: gatewayModeOf(options[`${BRIDGE}.gateway_mode_ipv4`] ?? "", defaults.internal),
  };
}
