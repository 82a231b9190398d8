/** IPv4 addresses of interfaces: rtnetlink(7), linux/if_addr.h. */
import { SkiffError } from "../../lib/errors.ts";
import { type Cidr, formatIpv4, ipv4Bytes, ipv4FromBytes, maskOf } from "./ipv4.ts";
import {
  attribute,
  type Bytes,
  concat,
  type Message,
  NLM_F,
  parseAttributes,
  type Request,
  u8,
  u32,
} from "./message.ts";

const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const AF_INET = 2;
const IFADDR_BYTES = 8;
const IFA = Object.freeze({ ADDRESS: 1, LOCAL: 2, BROADCAST: 4 });

export interface InterfaceAddress extends Cidr {
  readonly index: number;
}

/** struct ifaddrmsg */
function addressInfo(index: number, prefix: number): Bytes {
  return concat([u8(AF_INET), u8(prefix), u8(0), u8(0), u32(index)]);
}

export function addAddress(index: number, { address, prefix }: Cidr): Request {
  const bytes = ipv4Bytes(address);
  const broadcast = ipv4Bytes((address | ~maskOf(prefix)) >>> 0);
  return {
    type: RTM_NEWADDR,
    flags: NLM_F.CREATE | NLM_F.REPLACE,
    body: concat([
      addressInfo(index, prefix),
      attribute(IFA.LOCAL, bytes),
      attribute(IFA.ADDRESS, bytes),
      attribute(IFA.BROADCAST, broadcast),
    ]),
    action: `add address ${formatIpv4(address)}/${prefix} to interface ${index}`,
  };
}

export function listAddresses(): Request {
  return { type: RTM_GETADDR, flags: 0, body: addressInfo(0, 0), action: "list addresses" };
}

export function parseAddress(message: Message): InterfaceAddress {
  const { body } = message;
  if (message.type !== RTM_NEWADDR || body.length < IFADDR_BYTES)
    throw new SkiffError("data_loss", "parse netlink address: not one");
  const attributes = parseAttributes(body.subarray(IFADDR_BYTES));
  const local = attributes.get(IFA.LOCAL) ?? attributes.get(IFA.ADDRESS);
  if (body[0] !== AF_INET || local?.length !== 4)
    throw new SkiffError("data_loss", "parse netlink address: not IPv4");
  const index = new DataView(body.buffer, body.byteOffset).getUint32(4, true);
  return { index, address: ipv4FromBytes(local), prefix: body[1]! };
}
