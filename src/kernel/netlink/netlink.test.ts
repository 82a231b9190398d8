import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { linuxKernel as kernel } from "../linux.ts";
import { addAddress, listAddresses, parseAddress } from "./address.ts";
import { formatIpv4, formatNetwork, overlap, parseCidr, parseIpv4 } from "./ipv4.ts";
import {
  createBridge,
  createVeth,
  deleteLink,
  getLink,
  listLinks,
  parseLink,
  parseMac,
  setLinkAlias,
  setLinkUp,
} from "./link.ts";
import { createNamespace, inNamespace, removeNamespace } from "./namespace.ts";
import { setBridgePort, setNeighbour } from "./neighbour.ts";
import { addDefaultRoute, listRoutes, parseRoute } from "./route.ts";
import { NETLINK, openNetlink } from "./socket.ts";

const dir = mkdtempSync("/tmp/skiff-netlink-");
const tag = Buffer.from(crypto.getRandomValues(new Uint8Array(2))).toString("hex");
const bridge = `skkt${tag}`;
const netns = join(dir, "ns");
const socket = openNetlink(NETLINK.ROUTE);
const find = (name: string) => parseLink(socket.request([getLink(name)])[0]![0]!);
const ip = (...args: string[]) => Bun.spawnSync(["ip", ...args]).stdout.toString();

beforeAll(() => {
  socket.request([createBridge(bridge, 1500)]);
});
afterAll(() => {
  removeNamespace(kernel, netns);
  socket.request([deleteLink(find(bridge).index)]);
  socket.close();
  rmSync(dir, { recursive: true });
});

test("a namespace with one end of a veth pair; the other is up on the bridge", () => {
  const home = readlinkSync("/proc/thread-self/ns/net");
  const { index } = find(bridge);
  const network = parseCidr("10.211.250.1/24");
  socket.request([setLinkAlias(index, "test"), addAddress(index, network), setLinkUp(index)]);
  const mac = "02:42:0a:d3:fa:02";
  createNamespace(kernel, netns, (fd) => {
    const inside = openNetlink(NETLINK.ROUTE);
    const pair = {
      hostName: `skkv${tag}`,
      peerName: "eth0",
      netns: fd,
      peerMac: mac,
      mtu: 1400,
      master: index,
    };
    socket.request([createVeth(pair)]);
    const eth0 = parseLink(inside.request([getLink("eth0")])[0]![0]!);
    expect(eth0).toMatchObject({ mac, mtu: 1400, kind: "veth", up: false });
    const address = { address: network.address + 1, prefix: 24 };
    inside.request([
      setLinkUp(1),
      addAddress(eth0.index, address),
      setLinkUp(eth0.index),
      addDefaultRoute(eth0.index, network.address),
    ]);
    inside.close();
  });
  expect(readlinkSync("/proc/thread-self/ns/net")).toBe(home);
  const port = find(`skkv${tag}`);
  expect(port).toMatchObject({ up: true, master: index, mtu: 1400 });
  expect(find(bridge)).toMatchObject({ alias: "test", kind: "bridge", up: true });
  socket.request([
    setBridgePort(port.index, parseMac(mac)),
    setNeighbour(index, network.address + 1, parseMac(mac)),
  ]);
  expect(ip("neigh", "show", "dev", bridge)).toContain(`10.211.250.2 lladdr ${mac}`);
  const enter = ["nsenter", `--net=${netns}`];
  expect(Bun.spawnSync([...enter, "ip", "-4", "address"]).stdout.toString()).toContain(
    "10.211.250.2/24 brd 10.211.250.255",
  );
  expect(Bun.spawnSync([...enter, "ip", "route"]).stdout.toString()).toContain(
    "default via 10.211.250.1 dev eth0",
  );
  expect(Bun.spawnSync([...enter, "busybox", "ping", "-c1", "-W2", "10.211.250.1"]).exitCode).toBe(0);
  expect(inNamespace(kernel, netns, () => readFileSync("/proc/thread-self/net/dev", "utf8"))).toContain(
    "eth0",
  );
  expect(readlinkSync("/proc/thread-self/ns/net")).toBe(home);
});

test("lists agree with ip(8)", () => {
  const names = socket.dump(listLinks()).map((message) => parseLink(message).name);
  expect(names).toContain("lo");
  expect(names).toContain(bridge);
  const addresses = socket.dump(listAddresses()).map(parseAddress);
  expect(addresses.map(({ address, prefix }) => `${formatIpv4(address)}/${prefix}`)).toContain(
    "10.211.250.1/24",
  );
  const routes = socket.dump(listRoutes()).flatMap((message) => parseRoute(message) ?? []);
  expect(routes.map(formatNetwork)).toContain("10.211.250.0/24");
});

test("errors name what failed; what fails inside leaves no namespace", () => {
  expect(() => socket.request([createBridge(bridge, 1500)])).toThrow(/create bridge skkt.*EEXIST/);
  expect(() => find("skkt-none")).toThrow("ENODEV");
  expect(() => createBridge("a name with spaces", 1500)).toThrow("invalid interface name");
  const path = join(dir, "other");
  const home = readlinkSync("/proc/thread-self/ns/net");
  expect(() =>
    createNamespace(kernel, path, () => {
      throw new Error("inside");
    }),
  ).toThrow("inside");
  expect(existsSync(path)).toBe(false);
  expect(readlinkSync("/proc/thread-self/ns/net")).toBe(home);
});

test("IPv4 notation", () => {
  expect(["1.2.3.4", "01.2.3.4", "1.2.3", "256.0.0.1", "1.2.3.4.5", ""].map(parseIpv4)).toEqual([
    0x01020304,
    ...Array(5).fill(undefined),
  ]);
  expect(formatNetwork(parseCidr("172.17.42.1/16"))).toBe("172.17.0.0/16");
  expect(overlap(parseCidr("172.17.0.1/16"), parseCidr("172.17.200.0/24"))).toBe(true);
  expect(overlap(parseCidr("172.17.0.1/16"), parseCidr("172.18.0.0/16"))).toBe(false);
  for (const bad of ["1.2.3.4", "1.2.3.4/33", "x/8", "1.2.3.4/8/8", "1.2.3.4/08"])
    expect(() => parseCidr(bad)).toThrow(`invalid CIDR address: ${bad}`);
});
