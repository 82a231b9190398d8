/** Network interfaces: rtnetlink(7), linux/if_link.h. Functions that answer a `Request` are sent by the caller, several at a time. */
import { SkiffError } from "../../lib/errors.ts";
import {
  attribute,
  type Bytes,
  concat,
  type Message,
  NLM_F,
  nested,
  parseAttributes,
  type Request,
  readString,
  readU32,
  string,
  u8,
  u16,
  u32,
} from "./message.ts";

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_SETLINK = 19;
const AF_UNSPEC = 0;
const AF_BRIDGE = 7;
const IFINFO_BYTES = 16;
export const IFF_UP = 1;
const IFLA = Object.freeze({
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  MASTER: 10,
  PROTINFO: 12,
  LINKINFO: 18,
  IFALIAS: 20,
  NET_NS_FD: 28,
});
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
const IFLA_BRPORT_MODE = 4;
const IFLA_BRPORT_ISOLATED = 33;
/** IFNAMSIZ without the NUL. */
export const INTERFACE_NAME_BYTES_MAX = 15;

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
  /** `02:42:ac:11:00:02`; "" for an interface without. */
  readonly mac: string;
  /** Index of the bridge it is a port of, 0 for none. */
  readonly master: number;
  /** Of a veth: index of the other end, in its own namespace; 0 for none. */
  readonly peer: number;
  /** `bridge`, `veth` …; "" for a real one. */
  readonly kind: string;
  /** Free text (`ip link set alias`). */
  readonly alias: string;
}

/** struct ifinfomsg */
function linkInfo(index: number, flags = 0, change = 0, family = AF_UNSPEC): Bytes {
  return concat([u8(family), u8(0), u16(0), u32(index), u32(flags), u32(change)]);
}

export function parseMac(text: string): Bytes {
  const match =
    /^([0-9a-f]{2})[:-]([0-9a-f]{2})[:-]([0-9a-f]{2})[:-]([0-9a-f]{2})[:-]([0-9a-f]{2})[:-]([0-9a-f]{2})$/i.exec(
      text,
    );
  if (match === null) throw new SkiffError("invalid_argument", `invalid MAC address: ${text}`);
  return Uint8Array.from(match.slice(1), (byte) => Number.parseInt(byte, 16));
}

export function formatMac(bytes: Bytes): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function interfaceName(name: string): Bytes {
  const bytes = string(name);
  if (name === "" || bytes.length - 1 > INTERFACE_NAME_BYTES_MAX || /[/\s\0]/.test(name))
    throw new SkiffError("invalid_argument", `invalid interface name: ${JSON.stringify(name)}`);
  return attribute(IFLA.IFNAME, bytes);
}

export function createBridge(name: string, mtu: number): Request {
  const kind = nested(IFLA.LINKINFO, attribute(IFLA_INFO_KIND, string("bridge")));
  return {
    type: RTM_NEWLINK,
    flags: NLM_F.CREATE | NLM_F.EXCL,
    body: concat([linkInfo(0), interfaceName(name), attribute(IFLA.MTU, u32(mtu)), kind]),
    action: `create bridge ${name}`,
  };
}

export interface VethRequest {
  readonly hostName: string;
  readonly peerName: string;
  /** Descriptor of the network namespace the peer is made in. */
  readonly netns: number;
  readonly peerMac: string;
  readonly mtu: number;
  /** Index of the bridge the host's end becomes a port of. */
  readonly master: number;
}

/** Both ends in one message: the host's end comes up as a port of the bridge, the peer is born inside the namespace. */
export function createVeth({ hostName, peerName, netns, peerMac, mtu, master }: VethRequest): Request {
  const peer = concat([
    linkInfo(0),
    interfaceName(peerName),
    attribute(IFLA.ADDRESS, parseMac(peerMac)),
    attribute(IFLA.MTU, u32(mtu)),
    attribute(IFLA.NET_NS_FD, u32(netns)),
  ]);
  const info = nested(
    IFLA.LINKINFO,
    attribute(IFLA_INFO_KIND, string("veth")),
    nested(IFLA_INFO_DATA, attribute(VETH_INFO_PEER, peer)),
  );
  const own = [interfaceName(hostName), attribute(IFLA.MTU, u32(mtu)), attribute(IFLA.MASTER, u32(master))];
  return {
    type: RTM_NEWLINK,
    flags: NLM_F.CREATE | NLM_F.EXCL,
    body: concat([linkInfo(0, IFF_UP, IFF_UP), ...own, info]),
    action: `create interface ${hostName}`,
  };
}

export function setLinkUp(index: number): Request {
  return {
    type: RTM_NEWLINK,
    flags: 0,
    body: linkInfo(index, IFF_UP, IFF_UP),
    action: `set interface ${index} up`,
  };
}

export function setLinkDown(index: number): Request {
  return {
    type: RTM_NEWLINK,
    flags: 0,
    body: linkInfo(index, 0, IFF_UP),
    action: `set interface ${index} down`,
  };
}

export function setLinkAlias(index: number, alias: string): Request {
  const body = concat([linkInfo(index), attribute(IFLA.IFALIAS, string(alias))]);
  return { type: RTM_NEWLINK, flags: 0, body, action: `name interface ${index}` };
}

/** Lets a bridge send a frame back out of the port it came in by. */
export function setHairpin(index: number): Request {
  const mode = nested(IFLA.PROTINFO, attribute(IFLA_BRPORT_MODE, u8(1)));
  const body = concat([linkInfo(index, 0, 0, AF_BRIDGE), mode]);
  return { type: RTM_SETLINK, flags: 0, body, action: `set hairpin mode of interface ${index}` };
}

/** A bridge sends no frame from one isolated port to another: they reach the bridge itself and what lies behind it. */
export function setIsolated(index: number): Request {
  const isolated = nested(IFLA.PROTINFO, attribute(IFLA_BRPORT_ISOLATED, u8(1)));
  const body = concat([linkInfo(index, 0, 0, AF_BRIDGE), isolated]);
  return { type: RTM_SETLINK, flags: 0, body, action: `isolate interface ${index}` };
}

/** Slow (tens of milliseconds, it waits for every CPU): never while a client waits. */
export function deleteLink(index: number): Request {
  return { type: RTM_DELLINK, flags: 0, body: linkInfo(index), action: `delete interface ${index}` };
}

/** Fails with ENODEV when there is none. */
export function getLink(name: string): Request {
  return {
    type: RTM_GETLINK,
    flags: 0,
    body: concat([linkInfo(0), interfaceName(name)]),
    action: `find interface ${name}`,
  };
}

export function listLinks(): Request {
  return { type: RTM_GETLINK, flags: 0, body: linkInfo(0), action: "list interfaces" };
}

/** @throws data_loss when the message is none of an interface. */
export function parseLink(message: Message): Link {
  const { body } = message;
  if (message.type !== RTM_NEWLINK || body.length < IFINFO_BYTES)
    throw new SkiffError("data_loss", "parse netlink interface: not one");
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const attributes = parseAttributes(body.subarray(IFINFO_BYTES));
  const info = attributes.get(IFLA.LINKINFO);
  return {
    index: view.getInt32(4, true),
    up: (view.getUint32(8, true) & IFF_UP) !== 0,
    name: readString(attributes.get(IFLA.IFNAME)) ?? "",
    mtu: readU32(attributes.get(IFLA.MTU)) ?? 0,
    mac: formatMac(attributes.get(IFLA.ADDRESS) ?? new Uint8Array()),
    master: readU32(attributes.get(IFLA.MASTER)) ?? 0,
    peer: readU32(attributes.get(IFLA.LINK)) ?? 0,
    kind: info === undefined ? "" : (readString(parseAttributes(info).get(IFLA_INFO_KIND)) ?? ""),
    alias: readString(attributes.get(IFLA.IFALIAS)) ?? "",
  };
}
