/** A container's network namespace: made with all that is in it, in about a millisecond; and changed while the container runs. */
import { AT_FDCWD, O } from "../../kernel/constants.ts";
import { errnoOf, unless } from "../../kernel/errno.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { addAddress } from "../../kernel/netlink/address.ts";
import {
  addAddress6,
  type Cidr6,
  deleteDefaultRoute6,
  replaceDefaultRoute6,
} from "../../kernel/netlink/ipv6.ts";
import {
  createVeth,
  deleteLink,
  getLink,
  parseLink,
  parseMac,
  setHairpin,
  setIsolated,
  setLinkUp,
} from "../../kernel/netlink/link.ts";
import { createNamespace, inNamespace, removeNamespace } from "../../kernel/netlink/namespace.ts";
import { setBridgePort, setNeighbour } from "../../kernel/netlink/neighbour.ts";
import { addDefaultRoute, deleteDefaultRoute, replaceDefaultRoute } from "../../kernel/netlink/route.ts";
import { NETLINK, type NetlinkSocket, openNetlink } from "../../kernel/netlink/socket.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { Bridge } from "./bridge.ts";

const LOOPBACK_INDEX = 1;
/** Interfaces that come later get no IPv6 address: the network has none, and a link-local one would be a way around it (CVE-2024-32473). */
const IPV6_OFF = "/proc/sys/net/ipv6/conf/default/disable_ipv6";

/** One interface of a container. */
export interface Plug {
  readonly bridge: Bridge;
  /** `eth0` */
  readonly name: string;
  readonly address: number;
  readonly prefix: number;
  readonly mac: string;
  /** With IPv6 beside it; its gateway is the default route, too. */
  readonly ipv6?: { readonly address: Cidr6; readonly gateway: bigint | undefined };
  /** Of the host's end of the pair. */
  readonly hostName: string;
  /** The default route; absent: not by this interface. */
  readonly gateway?: number;
  /**
   * It may reach its own published ports by the host's address. With br_netfilter loaded (dockerd and kubelet do) such a packet never leaves the
   * bridge, which must send it back where it came from.
   */
  readonly hairpin: boolean;
  /** From its neighbours on the bridge. */
  readonly isolated: boolean;
}

function disableIpv6(kernel: Kernel): void {
  const fd = unless(["ENOENT", "EROFS", "EACCES"], () => kernel.openat(AT_FDCWD, IPV6_OFF, O.WRONLY, 0));
  if (fd === undefined) return;
  kernel.write(fd, Buffer.from("1"));
  kernel.close(fd);
}

/** Routers of the network are not listened to: the engine says what the route is. */
function enableIpv6(kernel: Kernel, name: string): void {
  for (const [key, value] of [
    ["accept_ra", "0"],
    ["disable_ipv6", "0"],
  ] as const) {
    const path = `/proc/sys/net/ipv6/conf/${name}/${key}`;
    const fd = unless(["ENOENT"], () => kernel.openat(AT_FDCWD, path, O.WRONLY, 0));
    if (fd === undefined) throw new SkiffError("failed_precondition", "enable IPv6: the kernel has none");
    kernel.write(fd, Buffer.from(value));
    kernel.close(fd);
  }
}

function plugIn(kernel: Kernel, host: NetlinkSocket, inside: NetlinkSocket, netns: number, plug: Plug): void {
  const { bridge, address, prefix, mac, hostName, gateway } = plug;
  const pair = {
    ...{ hostName, netns },
    peerName: plug.name,
    peerMac: mac,
    mtu: bridge.mtu,
    master: bridge.index,
  };
  // The host's end is born up, and asked for in the same breath.
  const [, found] = host.request([createVeth(pair), getLink(hostName)]);
  const [peer] = inside.request([getLink(plug.name), setLinkUp(LOOPBACK_INDEX)]);
  const own = parseLink(peer![0]!).index;
  if (plug.ipv6 !== undefined) enableIpv6(kernel, plug.name);
  inside.request([
    addAddress(own, { address, prefix }),
    ...(plug.ipv6 === undefined ? [] : [addAddress6(own, plug.ipv6.address)]),
    setLinkUp(own),
    ...(gateway === undefined ? [] : [addDefaultRoute(own, gateway)]),
    ...(plug.ipv6?.gateway === undefined ? [] : [replaceDefaultRoute6(own, plug.ipv6.gateway)]),
  ]);
  // The address may have been another container's a moment ago, whose interface the kernel has yet to take away.
  const macBytes = parseMac(mac);
  const port = parseLink(found![0]!).index;
  host.request([
    ...(plug.hairpin ? [setHairpin(port)] : []),
    ...(plug.isolated ? [setIsolated(port)] : []),
    setBridgePort(port, macBytes),
    setNeighbour(bridge.index, address, macBytes),
  ]);
}

function withInside<T>(body: (inside: NetlinkSocket) => T): T {
  const inside = openNetlink(NETLINK.ROUTE);
  try {
    return body(inside);
  } finally {
    inside.close();
  }
}

/** A namespace at `path` with loopback up and its interfaces. A name left by a crash is taken over. `more` runs inside at the end. */
export function createSandbox(
  kernel: Kernel,
  host: NetlinkSocket,
  path: string,
  plugs: readonly Plug[] = [],
  more: () => void = () => {},
): void {
  const create = () =>
    createNamespace(kernel, path, (netns) => {
      withInside((inside) => {
        disableIpv6(kernel);
        if (plugs.length === 0) inside.request([setLinkUp(LOOPBACK_INDEX)]);
        for (const plug of plugs) plugIn(kernel, host, inside, netns, plug);
      });
      more();
    });
  try {
    create();
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    removeNamespace(kernel, path);
    create();
  }
}

/** One more interface, without a default route. */
export function addPlug(kernel: Kernel, host: NetlinkSocket, path: string, plug: Plug): void {
  inNamespace(kernel, path, (netns) => withInside((inside) => plugIn(kernel, host, inside, netns, plug)));
}

/** What is not there is fine. */
export function removePlug(kernel: Kernel, path: string, name: string): void {
  inNamespace(kernel, path, () =>
    withInside((inside) => {
      const link = unless(["ENODEV"], () => inside.request([getLink(name)]))?.[0]?.[0];
      if (link !== undefined) inside.request([deleteLink(parseLink(link).index)]);
    }),
  );
}

/** None there; or no IPv6 at all. */
const NO_ROUTE = ["ESRCH", "ENODEV", "EOPNOTSUPP", "EAFNOSUPPORT"] as const;

/** @param gateway undefined: none */
export function setDefaultRoute(
  kernel: Kernel,
  path: string,
  gateway:
    | { readonly interface: string; readonly address: number; readonly address6: bigint | undefined }
    | undefined,
): void {
  inNamespace(kernel, path, () =>
    withInside((inside) => {
      if (gateway?.address6 === undefined) unless(NO_ROUTE, () => inside.request([deleteDefaultRoute6()]));
      if (gateway === undefined) {
        unless(NO_ROUTE, () => inside.request([deleteDefaultRoute()]));
        return;
      }
      const [link] = inside.request([getLink(gateway.interface)]);
      const { index } = parseLink(link![0]!);
      inside.request([
        replaceDefaultRoute(index, gateway.address),
        ...(gateway.address6 === undefined ? [] : [replaceDefaultRoute6(index, gateway.address6)]),
      ]);
    }),
  );
}
