/** Who is where on a link: a bridge's forwarding table and the host's ARP table (linux/neighbour.h). */
import { formatIpv4, ipv4Bytes } from "./ipv4.ts";
import { attribute, type Bytes, concat, NLM_F, type Request, u8, u16, u32 } from "./message.ts";

const RTM_NEWNEIGH = 28;
const AF_INET = 2;
const AF_BRIDGE = 7;
const NDA = Object.freeze({ DST: 1, LLADDR: 2 });
const NUD_STALE = 4;
const NUD_NOARP = 0x40;
const NTF_MASTER = 4;

/** struct ndmsg */
function neighbourInfo(family: number, index: number, state: number, flags: number): Bytes {
  return concat([u8(family), u8(0), u16(0), u32(index), u16(state), u8(flags), u8(0)]);
}

/** Tells the bridge behind which port a MAC address is: static, the only kind it takes before the port forwards. It moves like a learned one. */
export function setBridgePort(port: number, mac: Bytes): Request {
  return {
    type: RTM_NEWNEIGH,
    flags: NLM_F.CREATE | NLM_F.REPLACE,
    body: concat([neighbourInfo(AF_BRIDGE, port, NUD_NOARP, NTF_MASTER), attribute(NDA.LLADDR, mac)]),
    action: `set bridge port ${port}`,
  };
}

/** Tells the host an address's MAC; the kernel makes sure of it at the first use. */
export function setNeighbour(index: number, address: number, mac: Bytes): Request {
  return {
    type: RTM_NEWNEIGH,
    flags: NLM_F.CREATE | NLM_F.REPLACE,
    body: concat([
      neighbourInfo(AF_INET, index, NUD_STALE, 0),
      attribute(NDA.DST, ipv4Bytes(address)),
      attribute(NDA.LLADDR, mac),
    ]),
    action: `set neighbour ${formatIpv4(address)}`,
  };
}
