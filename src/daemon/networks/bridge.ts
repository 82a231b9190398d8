/** The bridge that containers hang on: found, or made. */

import { unless } from "../../kernel/errno.ts";
import { addAddress, listAddresses, parseAddress } from "../../kernel/netlink/address.ts";
import { type Cidr, formatIpv4, parseCidr } from "../../kernel/netlink/ipv4.ts";
import {
  createBridge,
  deleteLink,
  getLink,
  type Link,
  parseLink,
  setLinkAlias,
  setLinkUp,
} from "../../kernel/netlink/link.ts";
import { listRoutes, parseRoute } from "../../kernel/netlink/route.ts";
import type { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { SkiffError } from "../../lib/errors.ts";
import { type AddressPool, freePool } from "./pools.ts";

const DEFAULT_NAME = "docker0";
const OWN_NAME = "skiff";
const OWN_NAMES_MAX = 64;

export interface BridgeOptions {
  /** `--bridge`: one that somebody else has made. */
  readonly name?: string;
  /** `--bip`: address and subnet of the bridge. */
  readonly address?: string;
  readonly mtu: number;
  readonly pools?: readonly AddressPool[];
  /** Subnets of other networks, whose bridges may not be there. */
  readonly taken?: readonly Cidr[];
  /** Marks a bridge as made by this daemon (in its alias), so that its next start knows it again. */
  readonly owner: string;
}

export interface Bridge {
  readonly name: string;
  readonly index: number;
  readonly mtu: number;
  /** The bridge's own address, which is the containers' gateway, with the subnet's prefix. */
  readonly address: Cidr;
  /** Made by this daemon, now or at an earlier start. */
  readonly own: boolean;
}

export function findLink(socket: NetlinkSocket, name: string): Link | undefined {
  const answer = unless(["ENODEV"], () => socket.request([getLink(name)]))?.[0]?.[0];
  return answer === undefined ? undefined : parseLink(answer);
}

export function addressesOf(socket: NetlinkSocket, index: number): Cidr[] {
  return socket
    .dump(listAddresses())
    .map(parseAddress)
    .filter((address) => address.index === index);
}

/** All that is in use on this machine, the bridge's own left out. */
export function takenBy(socket: NetlinkSocket, except: number): Cidr[] {
  const addresses = socket.dump(listAddresses()).map(parseAddress);
  const routes = socket.dump(listRoutes()).flatMap((message) => parseRoute(message) ?? []);
  return [...addresses, ...routes].filter(({ index }) => index !== except);
}

const asCidr = ({ address, prefix }: Cidr): Cidr => ({ address, prefix });

/**
 * Without `--bridge` the name is Docker's, `docker0`. One that is there already and was not made by this daemon belongs to a dockerd, whose
 * addresses ours would collide with: then it is `skiff0`, or `skiff1` … when other skiffds have those.
 */
function pickName(socket: NetlinkSocket, owner: string): { name: string; link: Link | undefined } {
  const names = [
    DEFAULT_NAME,
    ...Array.from({ length: OWN_NAMES_MAX }, (_, number) => `${OWN_NAME}${number}`),
  ];
  const links = names.map((name) => ({ name, link: findLink(socket, name) }));
  const found =
    links.find(({ link }) => link?.alias === owner) ?? links.find(({ link }) => link === undefined);
  if (found === undefined) throw new SkiffError("resource_exhausted", "make bridge: all names are in use");
  return found;
}

function named(socket: NetlinkSocket, name: string): { name: string; link: Link } {
  const link = findLink(socket, name);
  if (link === undefined)
    throw new SkiffError(
      "failed_precondition",
      `error creating default "bridge" network: bridge device with non default name ${name} must be created manually`,
    );
  if (link.kind !== "bridge")
    throw new SkiffError(
      "failed_precondition",
      `error creating default "bridge" network: existing interface ${name} is not a bridge`,
    );
  return { name, link };
}

function make(socket: NetlinkSocket, name: string, { mtu, owner }: BridgeOptions): Link {
  socket.request([createBridge(name, mtu)]);
  const link = findLink(socket, name)!;
  socket.request([setLinkAlias(link.index, owner)]);
  return link;
}

/** @throws failed_precondition when the bridge named by `--bridge` is not there, conflict when it has another address than `--bip`. */
export function ensureBridge(socket: NetlinkSocket, options: BridgeOptions): Bridge {
  const picked = options.name === undefined ? pickName(socket, options.owner) : named(socket, options.name);
  const own = options.name === undefined;
  const wanted = options.address === undefined ? undefined : parseCidr(options.address);
  let link = picked.link ?? make(socket, picked.name, options);
  let address: Cidr | undefined = addressesOf(socket, link.index)[0];
  if (address !== undefined && wanted !== undefined && address.address !== wanted.address) {
    if (!own)
      throw new SkiffError(
        "conflict",
        `bridge IPv4 address (${formatIpv4(wanted.address)}) does not match existing bridge configuration (${formatIpv4(address.address)})`,
      );
    socket.request([deleteLink(link.index)]);
    link = make(socket, picked.name, options);
    address = undefined;
  }
  if (address === undefined) {
    const taken = [...takenBy(socket, link.index), ...(options.taken ?? [])].map(asCidr);
    address = wanted ?? freePool(taken, options.pools);
    socket.request([addAddress(link.index, address)]);
  }
  if (!link.up) socket.request([setLinkUp(link.index)]);
  const { prefix } = address;
  return {
    name: picked.name,
    index: link.index,
    mtu: options.mtu,
    address: { address: address.address, prefix },
    own,
  };
}
