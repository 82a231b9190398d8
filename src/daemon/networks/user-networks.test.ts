/** Networks of the user's own: real bridges, namespaces, packets; judged by busybox, ip and nft. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { codeOf } from "../../lib/errors.ts";
import { ANYWHERE } from "./endpoints.ts";
import type { Attachment, AttachRequest, EndpointRequest } from "./network.ts";
import { ipOf, request, run, type TestNetworks, testNetworks } from "./testing.ts";

const NUMBER = 21;
let networks: TestNetworks;
beforeAll(() => {
  networks = testNetworks(NUMBER);
});
afterAll(() => {
  for (const { containerId } of attached) networks.service.release(containerId);
  const made = networks.service.list().filter(({ Driver, Name }) => Driver === "bridge" && Name !== "bridge");
  networks[Symbol.dispose]();
  for (const { Id } of made) expect(existsSync(`/sys/class/net/br-${Id.slice(0, 12)}`)).toBe(false);
  expect(run("nft", "list", "tables").stdout).not.toContain(`skiff-${networks.bridge}`);
});

const attached: Attachment[] = [];
const inside = ({ netnsPath }: Attachment) => ["nsenter", `--net=${netnsPath}`];
const pings = (from: Attachment, ip: string) =>
  run(...inside(from), "busybox", "ping", "-c1", "-W1", ip).code === 0;
const routes = (of: Attachment) => run(...inside(of), "ip", "route").stdout;
const subnet = (last: number) => ({ IPAM: { Config: [{ Subnet: `10.214.${last}.0/24` }] } });
const create = (name: string, body: object = {}) => networks.service.create({ Name: name, ...body }).Id;

function attach(
  name: string,
  nets: Readonly<Record<string, Partial<EndpointRequest>>>,
  more: Partial<AttachRequest> = {},
) {
  const endpoints = Object.fromEntries(
    Object.entries(nets).map(([net, one]) => [net, { ...ANYWHERE, ...one }]),
  );
  const made = networks.service.attach(request(name, { mode: Object.keys(nets)[0]!, endpoints, ...more }));
  attached.push(made);
  return made;
}

function refusal(call: () => unknown): readonly [string, string] {
  try {
    call();
  } catch (error) {
    return [codeOf(error), (error as Error).message];
  }
  return ["", "no error"];
}

describe("create", () => {
  test("inspect shows what was asked for and what was decided", () => {
    const Id = create("shown", {
      Driver: "bridge",
      IPAM: {
        Config: [
          {
            Subnet: "10.214.1.0/24",
            IPRange: "10.214.1.128/25",
            AuxiliaryAddresses: { router: "10.214.1.129" },
          },
        ],
      },
      Options: {
        "com.docker.network.bridge.name": `sku${networks.bridge.slice(-6)}`,
        "com.docker.network.driver.mtu": "1400",
      },
      Labels: { a: "b" },
      Attachable: true,
    });
    const shown = networks.service.inspect("shown");
    expect(shown).toMatchObject({
      ...{ Id, Name: "shown", Driver: "bridge", Scope: "local", Attachable: true, Internal: false },
      ...{ EnableIPv4: true, EnableIPv6: false, Labels: { a: "b" }, ConfigOnly: false, Containers: {} },
      IPAM: {
        Driver: "default",
        Options: null,
        Config: [
          {
            Subnet: "10.214.1.0/24",
            IPRange: "10.214.1.128/25",
            Gateway: "10.214.1.128",
            AuxiliaryAddresses: { router: "10.214.1.129" },
          },
        ],
      },
    });
    const link = run("ip", "-o", "address", "show", "dev", `sku${networks.bridge.slice(-6)}`).stdout;
    expect(link).toContain("10.214.1.128/24");
    const made = attach("one", { shown: {} });
    expect(ipOf(made)).toBe("10.214.1.130");
    expect(run(...inside(made), "cat", "/sys/class/net/eth0/mtu").stdout.trim()).toMatch(/1400|^$/);
    expect(refusal(() => networks.service.remove("shown"))).toEqual([
      "permission_denied",
      `error while removing network: network shown id ${Id} has active endpoints`,
    ]);
    networks.service.release("one");
    networks.service.remove(Id.slice(0, 10));
    expect(run("ip", "link", "show", `sku${networks.bridge.slice(-6)}`).code).not.toBe(0);
    expect(networks.told.slice(-4)).toEqual([
      "create shown",
      "connect shown one",
      "disconnect shown one",
      "destroy shown",
    ]);
  });

  test("pools skip what is in use: routes of this machine and other networks", () => {
    const [one, other] = ["pool-one", "pool-other"].map((name) => {
      create(name);
      return networks.service.inspect(name).IPAM.Config![0]!.Subnet!;
    });
    expect(one).not.toBe(other);
    for (const name of ["pool-one", "pool-other"]) networks.service.remove(name);
  });

  test("refusals in dockerd's words", () => {
    create("there", subnet(2));
    const config = (one: object) => ({ IPAM: { Config: [one] } });
    for (const [body, code, message] of [
      [{ Name: "there" }, "conflict", "network with name there already exists"],
      [{ Name: "host" }, "permission_denied", "operation is not permitted on predefined host network "],
      [{ Name: "" }, "invalid_argument", "invalid name: name is empty"],
      [{ Name: "x", Driver: "weave" }, "not_found", 'plugin "weave" not found'],
      [{ Name: "x", Driver: "host" }, "permission_denied", 'only one instance of "host" network is allowed'],
      [
        { Name: "x", ...config({ Subnet: "10.214.2.128/25" }) },
        "permission_denied",
        "invalid pool request: Pool overlaps with other one on this address space",
      ],
      [
        { Name: "x", ...config({ Subnet: "10.214.300.0/24" }) },
        "invalid_argument",
        "invalid network config:\ninvalid subnet 10.214.300.0/24: invalid CIDR block notation",
      ],
      [
        { Name: "x", ...config({ Subnet: "10.214.3.1/24", Gateway: "10.9.9.9", IPRange: "10.0.0.0/8" }) },
        "invalid_argument",
        "invalid network config:\n* invalid subnet 10.214.3.1/24: it should be 10.214.3.0/24\n" +
          "* invalid ip-range 10.0.0.0/8: CIDR block is bigger than its parent subnet 10.214.3.0/24\n" +
          "* invalid gateway 10.9.9.9: parent subnet 10.214.3.1/24 doesn't contain this address",
      ],
      [
        { Name: "x", Options: { "com.docker.network.bridge.enable_icc": "maybe" } },
        "invalid_argument",
        'failed to parse com.docker.network.bridge.enable_icc value: maybe (strconv.ParseBool: parsing "maybe": invalid syntax)',
      ],
    ] as const)
      expect(refusal(() => networks.service.create(body))).toEqual([code, message]);
    expect(refusal(() => networks.service.remove("bridge"))).toEqual([
      "permission_denied",
      "bridge is a pre-defined network and cannot be removed",
    ]);
    expect(refusal(() => networks.service.remove("nope"))).toEqual(["not_found", "network nope not found"]);
    expect(networks.service.prune(new Map([["label", ["x"]]]))).toEqual([]);
    expect(networks.service.prune(new Map())).toEqual(["there"]);
  });

  test("a configuration network lends its settings", () => {
    create("config", { ConfigOnly: true, ...subnet(4), Labels: { from: "config" } });
    create("lent", { ConfigFrom: { Network: "config" } });
    expect(networks.service.inspect("lent")).toMatchObject({
      IPAM: { Config: [{ Subnet: "10.214.4.0/24", Gateway: "10.214.4.1" }] },
      ConfigFrom: { Network: "config" },
    });
    expect(refusal(() => networks.service.remove("config"))[1]).toContain(
      'configuration network "config" is in use',
    );
    networks.service.remove("lent");
    networks.service.remove("config");
  });
});

describe("who reaches whom", () => {
  beforeAll(() => {
    create("green", subnet(10));
    create("blue", subnet(11));
    create("closed", { ...subnet(12), Internal: true });
    create("apart", { ...subnet(13), Options: { "com.docker.network.bridge.enable_icc": "false" } });
  });

  test("neighbours, not other networks; the world, not from an internal one; not each other without icc", async () => {
    const [a, b] = [attach("a", { green: {} }), attach("b", { green: {} })];
    const c = attach("c", { blue: {} });
    const [d, e] = [attach("d", { closed: {} }), attach("e", { closed: {} })];
    const [f, g] = [attach("f", { apart: {} }), attach("g", { apart: {} })];
    const onDefault = attach("h", { bridge: {} });
    const host = `${networks.subnet}.1`;
    const reach = [
      ["a→b", a, ipOf(b), true],
      ["a→c", a, ipOf(c), false],
      ["c→a", c, ipOf(a), false],
      ["a→default", a, ipOf(onDefault), false],
      ["default→a", onDefault, ipOf(a), false],
      ["d→e", d, ipOf(e), true],
      ["d→its gateway", d, "10.214.12.1", true],
      ["d→a", d, ipOf(a), false],
      ["a→d", a, ipOf(d), false],
      ["a→host", a, host, true],
      ["d→host", d, host, false],
      ["f→g", f, ipOf(g), false],
      ["f→host", f, host, true],
    ] as const;
    const wrong = await Promise.all(
      reach.map(async ([name, from, ip, must]) => {
        const ping = Bun.spawn([...inside(from), "busybox", "ping", "-c1", "-W1", ip], {
          stdio: [null, null, null],
        });
        return ((await ping.exited) === 0) === must ? [] : [name];
      }),
    );
    expect(wrong.flat()).toEqual([]);
    expect(routes(d)).not.toContain("default");
    for (const { containerId } of [a, b, c, d, e, f, g, onDefault]) networks.service.release(containerId);
  });

  test("a fixed address, once; not where the subnet was not chosen", () => {
    const made = attach("fixed", { green: { ip: "10.214.10.77", mac: "02:aa:bb:cc:dd:ee" } });
    expect(ipOf(made)).toBe("10.214.10.77");
    expect(run(...inside(made), "ip", "-o", "link").stdout).toContain("02:aa:bb:cc:dd:ee");
    expect(refusal(() => attach("again", { green: { ip: "10.214.10.77" } }))).toEqual([
      "permission_denied",
      "failed to set up container networking: Address already in use",
    ]);
    const asks = (net: string, ip: string) =>
      refusal(() => networks.service.check(net, { [net]: { ...ANYWHERE, ip } }))[1];
    expect(asks("green", "10.1.1.1")).toBe(
      "invalid endpoint settings:\nno configured subnet contains IP address 10.1.1.1",
    );
    expect(asks("bridge", "10.1.1.1")).toBe(
      "invalid endpoint settings:\nuser specified IP address is supported on user defined networks only",
    );
    networks.service.release("fixed");
  });

  test("connect and disconnect while it runs; the default route and the ports follow", async () => {
    const portBindings = { "80/tcp": [{ HostIp: "", HostPort: "" }] };
    const made = attach("mover", { green: {} }, { portBindings });
    const neighbour = attach("neighbour", { blue: {} });
    const port = made.published[0]!.hostPort;
    const server = Bun.spawn([...inside(made), "busybox", "nc", "-ll", "-p", "80", "-e", "echo", "hello"]);
    const hello = () => run("busybox", "nc", "-w1", "127.0.0.1", String(port)).stdout.trim();
    for (let tries = 0; tries < 50 && hello() !== "hello"; tries++) await Bun.sleep(20);
    expect(hello()).toBe("hello");
    expect(pings(made, ipOf(neighbour))).toBe(false);
    const both = networks.service.connect("mover", "blue", ANYWHERE);
    expect(both.endpoints.map((one) => [one.network, one.interface])).toEqual([
      ["green", "eth0"],
      ["blue", "eth1"],
    ]);
    expect(pings(made, ipOf(neighbour))).toBe(true);
    // Of equal priority, the first name has the default route.
    expect(routes(made)).toContain("default via 10.214.11.1 dev eth1");
    expect(hello()).toBe("hello");
    expect(refusal(() => networks.service.connect("mover", "blue", ANYWHERE))).toEqual([
      "permission_denied",
      "endpoint with name mover already exists in network blue",
    ]);
    const after = networks.service.disconnect("mover", "green");
    expect(after.endpoints.map(({ network }) => network)).toEqual(["blue"]);
    expect(run(...inside(made), "ip", "link", "show", "eth0").code).not.toBe(0);
    expect(hello()).toBe("hello");
    networks.service.connect("mover", "green", { ...ANYWHERE, gwPriority: 5 });
    expect(routes(made)).toContain("default via 10.214.10.1 dev eth2");
    expect(hello()).toBe("hello");
    networks.service.connect("mover", "closed", { ...ANYWHERE, gwPriority: 9 });
    expect(routes(made)).toContain("default via 10.214.10.1 dev eth2");
    for (const net of ["green", "blue"]) networks.service.disconnect("mover", net);
    expect(routes(made)).not.toContain("default");
    expect(networks.service.attachment("mover")?.ports).toEqual({ "80/tcp": null });
    expect(hello()).toBe("");
    expect(refusal(() => networks.service.disconnect("mover", "blue"))[1]).toBe(
      "container mover is not connected to network blue",
    );
    expect(refusal(() => networks.service.connect("mover", "host", ANYWHERE))[1]).toContain(
      "cannot connect container to host network",
    );
    server.kill("SIGKILL");
    await server.exited;
    for (const name of ["mover", "neighbour"]) networks.service.release(name);
    expect(networks.logged).toEqual([]);
  });

  test("after a crash the networks are there, addresses stay given, and what is half made is finished", () => {
    const [kept, lost] = [attach("kept", { green: {} }), attach("lost", { green: {} })];
    const before = networks.service.list();
    // As if killed between the record of a connect and its interface.
    networks.service.connect("kept", "blue", ANYWHERE);
    run(...inside(kept), "ip", "link", "del", "eth1");
    run("ip", "link", "del", `br-${networks.service.inspect("closed").Id.slice(0, 12)}`);
    networks.restart();
    expect(networks.service.list()).toEqual(before);
    expect(ipOf(attach("fresh", { green: {} }))).not.toBe(ipOf(lost));
    networks.service.recover(["kept", "fresh"]);
    expect(run(...inside(kept), "ip", "-o", "address", "show", "dev", "eth1").stdout).toContain("10.214.11.");
    expect(routes(kept)).toContain("default via 10.214.11.1 dev eth1");
    expect(pings(kept, ipOf(networks.service.attachment("fresh")!))).toBe(true);
    expect(networks.service.attachment("lost")).toBeUndefined();
    expect(readdirSync(`${networks.dir}/exec/netns`).sort()).toEqual(["fresh", "kept"]);
    attach("inner", { closed: {} });
    for (const name of ["kept", "fresh", "inner"]) networks.service.release(name);
  });

  test("links on the default bridge are lines of /etc/hosts", () => {
    const db = attach("db", { bridge: {} }, { hostname: "dbhost" });
    const web = attach("web", { bridge: {} }, { links: ["/db:/web/database"] });
    expect(web.hosts.split("\n")).toContain(`${ipOf(db)}\tdatabase dbhost db`);
    expect(refusal(() => attach("lonely", { bridge: {} }, { links: ["gone:x"] }))[1]).toContain(
      "Cannot link to a non running container: /gone AS /lonely/x",
    );
    for (const name of ["db", "web"]) networks.service.release(name);
  });
});

test("a host's own switches: no IPv6 on the bridge", () => {
  const id = create("plain", subnet(30));
  const path = `/proc/sys/net/ipv6/conf/br-${id.slice(0, 12)}/disable_ipv6`;
  if (existsSync(path)) expect(readFileSync(path, "utf8").trim()).toBe("1");
  networks.service.remove("plain");
});

describe("IPv6 beside IPv4", () => {
  test("a subnet of the engine's own, or the user's; neighbours, not other networks", async () => {
    create("six", { ...subnet(40), EnableIPv6: true });
    create("chosen", {
      EnableIPv6: true,
      IPAM: { Config: [{ Subnet: "10.214.41.0/24" }, { Subnet: "fd77:1::/64", Gateway: "fd77:1::99" }] },
    });
    const own = networks.service.inspect("six").IPAM.Config![1]!;
    expect(own.Subnet).toMatch(/^fd[0-9a-f:]+\/64$/);
    expect(networks.service.inspect("chosen")).toMatchObject({
      EnableIPv6: true,
      IPAM: { Config: [{}, { Subnet: "fd77:1::/64", Gateway: "fd77:1::99" }] },
    });
    const [a, b] = [attach("six-a", { six: {} }), attach("six-b", { six: {} })];
    const c = attach("six-c", { chosen: { ip6: "fd77:1::7" } });
    const [ip6, other] = [a.endpoints[0]!.ip6, c.endpoints[0]!.ip6];
    expect(other).toBe("fd77:1::7");
    expect(b.hosts).toContain(`${b.endpoints[0]!.ip6}\tboat`);
    const shown = networks.service.inspect("chosen").Containers["six-c"];
    expect(shown?.IPv6Address).toBe("fd77:1::7/64");
    const ping6 = (from: Attachment, ip: string) =>
      run(...inside(from), "busybox", "ping", "-6", "-c1", "-W1", ip).code === 0;
    expect(ping6(b, ip6)).toBe(true);
    expect(ping6(b, own.Gateway!)).toBe(true);
    expect(run(...inside(c), "ip", "-6", "route").stdout).toContain("default via fd77:1::99 dev eth0");
    expect(ping6(c, ip6)).toBe(false);
    expect(refusal(() => attach("six-d", { chosen: { ip6: "fd77:1::7" } }))[1]).toContain(
      "Address already in use",
    );
    const moved = networks.service.connect("six-c", "six", { ...ANYWHERE, gwPriority: 1 });
    expect(run(...inside(c), "ip", "-6", "route").stdout).toContain(`default via ${own.Gateway} dev eth1`);
    expect(ping6(moved, ip6)).toBe(true);
    networks.service.disconnect("six-c", "six");
    expect(run(...inside(c), "ip", "-6", "route").stdout).toContain("default via fd77:1::99 dev eth0");
    const plain = attach("four", { bridge: {} });
    expect(run(...inside(plain), "ip", "-6", "address", "show", "dev", "eth0").stdout).toBe("");
    networks.restart();
    networks.service.recover(["six-b", "six-c"]);
    expect(attach("six-e", { six: {} }).endpoints[0]!.ip6).toBe(ip6);
    for (const name of ["six-b", "six-c", "six-e"]) networks.service.release(name);
    const six = ["six", "chosen"].map((name) => networks.service.inspect(name));
    for (const { Name } of six) networks.service.remove(Name);
    for (const { Id } of six)
      expect(run("nft", "list", "tables", "ip6").stdout).not.toContain(Id.slice(0, 12));
  });

  test("refusals", () => {
    const config = (one: object) => ({ Name: "x", EnableIPv6: true, IPAM: { Config: [one] } });
    expect(refusal(() => networks.service.create(config({ Subnet: "fd77::1/64" })))[1]).toBe(
      "invalid network config:\ninvalid subnet fd77::1/64: it should be fd77::/64",
    );
    expect(
      refusal(() => networks.service.create(config({ Subnet: "fd77::/64", Gateway: "10.0.0.1" })))[1],
    ).toBe("invalid network config:\ninvalid gateway 10.0.0.1: parent subnet is an IPv6 block");
    expect(refusal(() => networks.service.create(config({ Subnet: "ff02::/64" })))[1]).toContain(
      "multicast subnet",
    );
  });
});
