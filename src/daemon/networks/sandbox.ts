/** A container's network namespace: made with all that is in it, in about a millisecond. */
import { AT_FDCWD, O } from "../../kernel/constants.ts";
import { errnoOf, unless } from "../../kernel/errno.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { addAddress } from "../../kernel/netlink/address.ts";
import type { Cidr } from "../../kernel/netlink/ipv4.ts";
import {
  createVeth,
  getLink,
  parseLink,
  parseMac,
  setHairpin,
  setLinkUp,
} from "../../kernel/netlink/link.ts";
import { createNamespace, removeNamespace } from "../../kernel/netlink/namespace.ts";
import { setBridgePort, setNeighbour } from "../../kernel/netlink/neighbour.ts";
import { addDefaultRoute } from "../../kernel/netlink/route.ts";
import { NETLINK, type NetlinkSocket, openNetlink } from "../../kernel/netlink/socket.ts";
import type { Bridge } from "./bridge.ts";

const INSIDE_NAME = "eth0";
const LOOPBACK_INDEX = 1;
/** Interfaces that come later get no IPv6 address: the network has none, and a link-local one would be a way around it (CVE-2024-32473). */
const IPV6_OFF = "/proc/sys/net/ipv6/conf/default/disable_ipv6";

export interface Endpoint {
  readonly bridge: Bridge;
  readonly address: number;
  readonly mac: string;
  /** Of the host's end of the pair. */
  readonly hostName: string;
  /**
   * It may reach its own published ports by the host's address. With br_netfilter loaded (dockerd and kubelet do) such a packet never leaves the
   * bridge, which must send it back where it came from.
   */
  readonly hairpin: boolean;
}

function disableIpv6(kernel: Kernel): void {
  const fd = unless(["ENOENT", "EROFS", "EACCES"], () => kernel.openat(AT_FDCWD, IPV6_OFF, O.WRONLY, 0));
  if (fd === undefined) return;
  kernel.write(fd, Buffer.from("1"));
  kernel.close(fd);
}

function connect(host: NetlinkSocket, inside: NetlinkSocket, netns: number, endpoint: Endpoint): void {
  const { bridge, address, mac, hostName } = endpoint;
  const pair = {
    hostName,
    peerName: INSIDE_NAME,
    netns,
    peerMac: mac,
    mtu: bridge.mtu,
    master: bridge.index,
  };
  // The host's end is born up, and asked for in the same breath.
  const [, found] = host.request([createVeth(pair), getLink(hostName)]);
  const [peer] = inside.request([getLink(INSIDE_NAME), setLinkUp(LOOPBACK_INDEX)]);
  const eth0 = parseLink(peer![0]!).index;
  const own: Cidr = { address, prefix: bridge.address.prefix };
  inside.request([addAddress(eth0, own), setLinkUp(eth0), addDefaultRoute(eth0, bridge.address.address)]);
  // The address may have been another container's a moment ago, whose interface the kernel has yet to take away.
  const macBytes = parseMac(mac);
  const port = parseLink(found![0]!).index;
  host.request([
    ...(endpoint.hairpin ? [setHairpin(port)] : []),
    setBridgePort(port, macBytes),
    setNeighbour(bridge.index, address, macBytes),
  ]);
}

/** A namespace at `path` with loopback up and, if there is an endpoint, `eth0`. A name left by a crash is taken over. */
export function createSandbox(kernel: Kernel, host: NetlinkSocket, path: string, endpoint?: Endpoint): void {
  const create = () =>
    createNamespace(kernel, path, (netns) => {
      const inside = openNetlink(NETLINK.ROUTE);
      try {
        if (endpoint === undefined) inside.request([setLinkUp(LOOPBACK_INDEX)]);
        else {
          disableIpv6(kernel);
          connect(host, inside, netns, endpoint);
        }
      } finally {
        inside.close();
      }
    });
  try {
    create();
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    removeNamespace(kernel, path);
    create();
  }
}
