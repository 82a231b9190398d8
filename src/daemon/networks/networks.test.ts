/** Real namespaces, real packets: a LAN host, this machine and the containers' namespaces, judged by busybox, ip and nft. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { codeOf } from "../../lib/errors.ts";
import { ANYWHERE } from "./endpoints.ts";
import type { Attachment } from "./network.ts";
import { ipOf, type Lan, request, run, type TestNetworks, testLan, testNetworks } from "./testing.ts";

let networks: TestNetworks;
let lan: Lan;
const servers: Bun.Subprocess[] = [];

beforeAll(() => {
  networks = testNetworks(11);
  lan = testLan(11);
});
afterAll(async () => {
  for (const server of servers) server.kill("SIGKILL");
  await Promise.all(servers.map((server) => server.exited));
  networks[Symbol.dispose]();
  lan[Symbol.dispose]();
});

const inside = ({ netnsPath }: Attachment) => ["nsenter", `--net=${netnsPath}`];
const onLan = () => ["ip", "netns", "exec", lan.netns];
const get = (prefix: readonly string[], url: string) => run(...prefix, "curl", "-sS", "--max-time", "2", url);

async function eventually(check: () => boolean): Promise<void> {
  for (let i = 0; i < 100 && !check(); i++) await Bun.sleep(20);
  expect(check()).toBe(true);
}

const ECHO_SERVER = `Bun.udpSocket({ port: 53, socket: { data: (socket, data, port, address) => void socket.send(data, port, address) } })`;
const ECHO_CLIENT = `
  const [address, port] = process.argv.slice(1);
  setTimeout(() => process.exit(1), 3000);
  const data = (_, data) => { require("fs").writeSync(1, data); process.exit(0); };
  Bun.udpSocket({ socket: { data } }).then((socket) => void socket.send("ping", Number(port), address));`;

/** A web server inside a container's namespace that answers with its name. */
async function serve(attachment: Attachment, port: number): Promise<void> {
  const dir = `${networks.dir}/www-${attachment.name}`;
  mkdirSync(dir, { recursive: true });
  writeFileSync(`${dir}/index.html`, attachment.name);
  servers.push(Bun.spawn([...inside(attachment), "busybox", "httpd", "-f", "-p", String(port), "-h", dir]));
  await eventually(
    () => get(inside(attachment), `http://${ipOf(attachment)}:${port}/`).stdout === attachment.name,
  );
}

/** What the next container will get. */
function nextAddress(): string {
  const used = Object.values(networks.service.inspect("bridge").Containers).map(
    ({ IPv4Address }) => IPv4Address,
  );
  for (let last = 2; ; last++)
    if (!used.includes(`${networks.subnet}.${last}/24`)) return `${networks.subnet}.${last}`;
}

function failure(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("did not fail");
}

describe("ports", () => {
  let web: Attachment;
  let url: (address: string) => string;
  beforeAll(async () => {
    const portBindings = { "80/tcp": [{ HostIp: "", HostPort: "" }] };
    web = networks.service.attach(request("web", { portBindings, exposedPorts: ["80/tcp", "443/tcp"] }));
    await serve(web, 80);
    url = (address) => `http://${address}:${web.published[0]!.hostPort}/`;
  });

  test("an ephemeral port is filled in; what is only exposed is null", () => {
    const [{ hostPort }] = web.published as [Attachment["published"][0]];
    expect(web.ports).toEqual({
      "443/tcp": null,
      "80/tcp": [{ HostIp: "0.0.0.0", HostPort: String(hostPort) }],
    });
  });

  test("reached from outside, from the host by any of its addresses, and from containers", () => {
    const other = networks.service.attach(request("other"));
    for (const [from, address] of [
      [[], "127.0.0.1"],
      [[], "127.0.0.2"],
      [[], lan.hostAddress],
      [[], `${networks.subnet}.1`],
      [onLan(), lan.hostAddress],
      [inside(web), lan.hostAddress],
      [inside(web), `${networks.subnet}.1`],
      [inside(other), lan.hostAddress],
      [inside(other), `${networks.subnet}.1`],
    ] as const)
      expect([from.join(" "), address, get(from, url(address)).stdout]).toEqual([
        from.join(" "),
        address,
        "web",
      ]);
    networks.service.release("other");
  });

  test("taken ports are refused in Docker's words, by us and by the kernel", () => {
    const { hostPort } = web.published[0]!;
    const bind = (HostPort: string, HostIp = "") => ({ portBindings: { "80/tcp": [{ HostIp, HostPort }] } });
    const again = failure(() => networks.service.attach(request("again", bind(String(hostPort)))));
    expect(again.message).toMatch(
      new RegExp(
        `^failed to set up container networking: driver failed programming external connectivity on endpoint again \\([0-9a-f]{64}\\): Bind for 0.0.0.0:${hostPort} failed: port is already allocated$`,
      ),
    );
    const foreign = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const taken = failure(() => networks.service.attach(request("again", bind(String(foreign.port)))));
    expect(taken.message).toContain(
      `failed to bind host port for 0.0.0.0:${foreign.port}:${nextAddress()}:80/tcp: address already in use`,
    );
    foreign.stop(true);
    expect(() => Bun.serve({ port: hostPort, fetch: () => new Response() })).toThrow();
    const elsewhere = failure(() => networks.service.attach(request("again", bind("8080", "9.9.9.9"))));
    expect(elsewhere.message).toContain("cannot assign requested address");
    expect(networks.service.attachment("again")).toBeUndefined();
    const free = nextAddress();
    expect(ipOf(networks.service.attach(request("retry", bind(""))))).toBe(free);
    networks.service.release("retry");
  });

  test("a port on 127.0.0.1 is not reached from the LAN, an unpublished one neither, even routed", async () => {
    const portBindings = { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] };
    const local = networks.service.attach(request("local", { portBindings }));
    await serve(local, 80);
    const { hostPort } = local.published[0]!;
    expect(get([], `http://127.0.0.1:${hostPort}/`).stdout).toBe("local");
    expect(get(onLan(), `http://${lan.hostAddress}:${hostPort}/`).code).not.toBe(0);
    run("ip", "-n", lan.netns, "route", "add", `${networks.subnet}.0/24`, "via", lan.hostAddress);
    expect(get(onLan(), `http://${ipOf(local)}/`).code).not.toBe(0);
    expect(run(...inside(local), "busybox", "ping", "-c3", "-W2", lan.address).code).toBe(0);
    networks.service.release("local");
    expect(get([], `http://127.0.0.1:${hostPort}/`).code).not.toBe(0);
  });

  test("udp, both ways", async () => {
    const portBindings = { "53/udp": [{ HostIp: "", HostPort: "" }] };
    const echo = networks.service.attach(request("echo", { portBindings }));
    servers.push(Bun.spawn([...inside(echo), process.execPath, "-e", ECHO_SERVER]));
    await eventually(() => run(...inside(echo), "cat", "/proc/net/udp").stdout.includes(":0035"));
    const { hostPort } = echo.published[0]!;
    const send = (from: readonly string[], address: string) =>
      run(...from, process.execPath, "-e", ECHO_CLIENT, address, String(hostPort)).stdout;
    expect(send(onLan(), lan.hostAddress)).toBe("ping");
    expect(send([], "127.0.0.1")).toBe("ping");
    const flows = () =>
      run("cat", "/proc/net/nf_conntrack")
        .stdout.split("\n")
        .filter((line) => line.includes(" udp ") && line.includes(ipOf(echo)));
    if (existsSync("/proc/net/nf_conntrack")) expect(flows()).not.toEqual([]);
    networks.service.release("echo");
    if (existsSync("/proc/net/nf_conntrack")) expect(flows()).toEqual([]);
    expect(networks.logged).toEqual([]);
  });

  test("flushed rules are mended by the next start of a container", () => {
    run("nft", "delete", "table", "ip", `skiff-${networks.bridge}`);
    expect(get([], url("127.0.0.1")).code).not.toBe(0);
    networks.service.attach(request("next"));
    expect(get([], url("127.0.0.1")).stdout).toBe("web");
    networks.service.release("next");
  });

  test("or by themselves", async () => {
    run("nft", "delete", "table", "ip", `skiff-${networks.bridge}`);
    for (let tries = 0; tries < 400 && get([], url("127.0.0.1")).stdout !== "web"; tries++)
      await Bun.sleep(20);
    expect(get([], url("127.0.0.1")).stdout).toBe("web");
  }, 30_000);

  test("after a crash everything goes on, and no address is given out twice", () => {
    const { hostPort } = web.published[0]!;
    networks.service.attach(request("dead"));
    const free = nextAddress();
    networks.restart();
    expect(networks.logged.some((line) => line.includes("reserve port of web again"))).toBe(true);
    expect(get([], url("127.0.0.1")).stdout).toBe("web");
    expect(ipOf(networks.service.attach(request("new")))).toBe(free);
    networks.service.recover(["web", "new"]);
    expect(networks.service.attachment("web")).toEqual(web);
    expect(networks.service.attachment("dead")).toBeUndefined();
    expect(readdirSync(`${networks.dir}/exec/netns`).sort()).toEqual(["new", "web"]);
    expect(get([], `http://127.0.0.1:${hostPort}/`).stdout).toBe("web");
    networks.service.release("new");
  });
});

test("address, route, files", () => {
  const made = networks.service.attach(
    request("plain", {
      extraHosts: ["buoy:10.1.2.3", "gate:host-gateway"],
      endpoints: { bridge: { ...ANYWHERE, mac: "02:11:22:33:44:55" } },
    }),
  );
  const { subnet } = networks;
  const [endpoint] = made.endpoints;
  expect(endpoint).toMatchObject({ gateway: `${subnet}.1`, prefix: 24, mac: "02:11:22:33:44:55" });
  expect(run(...inside(made), "ip", "-o", "link").stdout).toContain("02:11:22:33:44:55");
  expect(run(...inside(made), "ip", "-6", "address", "show", "dev", "eth0").stdout).toBe("");
  expect(run(...inside(made), "ip", "route").stdout).toContain(`default via ${subnet}.1 dev eth0`);
  for (const line of ["127.0.0.1\tlocalhost", "10.1.2.3\tbuoy", `${subnet}.1\tgate`, `${ipOf(made)}\tboat`])
    expect(made.hosts.split("\n")).toContain(line);
  expect(networks.service.inspect("bridge").Containers["plain"]).toEqual({
    Name: "plain",
    EndpointID: endpoint!.endpointId,
    MacAddress: endpoint!.mac,
    IPv4Address: `${ipOf(made)}/24`,
    IPv6Address: "",
  });
  networks.service.release("plain");
  expect(existsSync(made.netnsPath)).toBe(false);
});

test("none, host, another container's", () => {
  const { service } = networks;
  const none = service.attach(request("none", { mode: "none" }));
  expect(run(...inside(none), "ls", "/sys/class/net").code).toBe(0);
  expect(
    run(...inside(none), "ip", "-o", "link")
      .stdout.trim()
      .split("\n"),
  ).toHaveLength(1);
  expect(service.attach(request("host", { mode: "host" })).netnsPath).toBe("");
  const joined = service.attach(request("joined", { mode: "container:none" }));
  expect([joined.netnsPath, joined.hosts]).toEqual([none.netnsPath, none.hosts]);
  const missing = failure(() => service.attach(request("x", { mode: "container:nobody" })));
  expect([codeOf(missing), missing.message]).toEqual([
    "conflict",
    "cannot join network of a non running container: nobody",
  ]);
  service.release("joined");
  expect(existsSync(none.netnsPath)).toBe(true);
  for (const name of ["none", "host"]) service.release(name);
  service.release("never attached");
});

test("the default networks, as dockerd shows them", () => {
  const { service } = networks;
  const bridge = service.inspect("bridge");
  expect(bridge).toMatchObject({
    ...{ Name: "bridge", Driver: "bridge", Scope: "local" },
    IPAM: {
      Driver: "default",
      Options: null,
      Config: [{ Subnet: `${networks.subnet}.0/24`, Gateway: `${networks.subnet}.1` }],
    },
  });
  expect(bridge.Options["com.docker.network.bridge.name"]).toBe(networks.bridge);
  expect(
    service
      .list()
      .map(({ Name }) => Name)
      .sort(),
  ).toEqual(["bridge", "host", "none"]);
  expect(service.inspect(bridge.Id.slice(0, 12)).Name).toBe("bridge");
  const missing = failure(() => service.inspect("nope"));
  expect([codeOf(missing), missing.message]).toEqual(["not_found", "network nope not found"]);
  service.check("nope", { nope: ANYWHERE });
  service.check("container:whatever", {});
  const later = failure(() => service.attach(request("x", { mode: "nope" })));
  expect([codeOf(later), later.message]).toEqual([
    "not_found",
    "failed to set up container networking: network nope not found",
  ]);
});
