/** IPv4 routes: rtnetlink(7), linux/rtnetlink.h. */
import { SkiffError } from "../../lib/errors.ts";
import { type Cidr, formatIpv4, ipv4Bytes, ipv4FromBytes } from "./ipv4.ts";
import {
  attribute,
  type Bytes,
  concat,
  type Message,
  NLM_F,
  parseAttributes,
  type Request,
  readU32,
  u8,
  u32,
} from "./message.ts";

const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
const AF_INET = 2;
const RT_BYTES = 12;
const RTA = Object.freeze({ DST: 1, OIF: 4, GATEWAY: 5 });
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;

export interface Route extends Cidr {
  /** Of the interface it leads out by; 0 for none. */
  readonly index: number;
  readonly gateway?: number;
}

/** struct rtmsg */
function routeInfo(prefix: number): Bytes {
  return concat([
    u8(AF_INET),
    u8(prefix),
    u8(0),
    u8(0),
    u8(RT_TABLE_MAIN),
    u8(RTPROT_BOOT),
    u8(0),
    u8(RTN_UNICAST),
    u32(0),
  ]);
}

export function addDefaultRoute(index: number, gateway: number): Request {
  return {
    type: RTM_NEWROUTE,
    flags: NLM_F.CREATE | NLM_F.EXCL,
    body: concat([routeInfo(0), attribute(RTA.GATEWAY, ipv4Bytes(gateway)), attribute(RTA.OIF, u32(index))]),
    action: `add default route by ${formatIpv4(gateway)}`,
  };
}

/** Instead of whichever there is. */
export function replaceDefaultRoute(index: number, gateway: number): Request {
  return { ...addDefaultRoute(index, gateway), flags: NLM_F.CREATE | NLM_F.REPLACE };
}

/** Fails with ESRCH when there is none. */
export function deleteDefaultRoute(): Request {
  return { type: RTM_DELROUTE, flags: 0, body: routeInfo(0), action: "delete default route" };
}

export function listRoutes(): Request {
  return { type: RTM_GETROUTE, flags: 0, body: routeInfo(0), action: "list routes" };
}

/** undefined for what is no IPv4 route of the main table (the list has local and broadcast ones too). */
export function parseRoute(message: Message): Route | undefined {
  const { body } = message;
  if (message.type !== RTM_NEWROUTE || body.length < RT_BYTES)
    throw new SkiffError("data_loss", "parse netlink route: not one");
  if (body[0] !== AF_INET || body[4] !== RT_TABLE_MAIN || body[7] !== RTN_UNICAST) return undefined;
  const attributes = parseAttributes(body.subarray(RT_BYTES));
  const [destination, gateway] = [attributes.get(RTA.DST), attributes.get(RTA.GATEWAY)];
  return {
    address: destination?.length === 4 ? ipv4FromBytes(destination) : 0,
    prefix: body[1]!,
    index: readU32(attributes.get(RTA.OIF)) ?? 0,
    ...(gateway?.length === 4 ? { gateway: ipv4FromBytes(gateway) } : {}),
  };
}
