/** The embedded server, asked from inside containers' namespaces by a client of the test's own, with a real server outside. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ANYWHERE } from "../endpoints.ts";
import type { Attachment, AttachRequest, EndpointRequest } from "../network.ts";
import { ipOf, type Lan, request, run, type TestNetworks, testLan, testNetworks } from "../testing.ts";

/** Asks once and prints code, flag "truncated", and the records: `0 0 A 10.0.0.2`. */
const ASK = `
const [name, type, transport, server] = process.argv.slice(1);
const TYPES = { A: 1, PTR: 12, MX: 15, AAAA: 28 };
const labels = name.split(".").flatMap((one) => [one.length, ...Buffer.from(one)]);
const query = Buffer.from([7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, TYPES[type], 0, 1]);
const nameAt = (bytes, at) => {
  const out = [];
  for (let length = bytes[at]; length > 0; length = bytes[at]) {
    out.push(bytes.subarray(at + 1, at + 1 + length).toString());
    at += length + 1;
  }
  return out.join(".");
};
const show = (bytes) => {
  const records = [];
  let at = query.length;
  for (let left = bytes.readUInt16BE(6); left > 0; left--) {
    const [kind, length] = [bytes.readUInt16BE(at + 2), bytes.readUInt16BE(at + 10)];
    const data = bytes.subarray(at + 12, at + 12 + length);
    if (kind === 28) records.push(data.toString("hex"));
    else records.push(kind === 1 ? data.join(".") : nameAt(bytes, at + 12));
    at += 12 + length;
  }
  const right = bytes[0] === 7 && bytes[1] === 9;
  require("fs").writeSync(1, [right ? bytes[3] & 15 : "wrong id", bytes[2] & 2 ? "TC" : "", ...records.sort()].filter((x) => x !== "").join(" "));
  process.exit(0);
};
setTimeout(() => process.exit(1), 8000);
if (transport === "udp") {
  const socket = require("dgram").createSocket("udp4");
  socket.on("message", show);
  socket.send(query, 53, server);
} else {
  const socket = require("net").connect(53, server);
  socket.on("data", (data) => show(data.subarray(2)));
  // In two pieces, and twice: the server must not count on packets.
  socket.write(Buffer.from([0, query.length, ...query.subarray(0, 5)]));
  setTimeout(() => socket.write(query.subarray(5)), 20);
}
`;

/** Answers 9.9.9.9 to everything, by both transports, and writes each name it is asked for; `fail` it refuses. */
const OUTSIDE = `
const fs = require("fs");
const answer = (query) => {
  const name = query.subarray(13, 13 + query[12]).toString();
  fs.appendFileSync(process.argv[1], name + "\\n");
  const head = Buffer.from(query.subarray(0, query.length));
  head[2] |= 0x80;
  if (name === "fail") { head[3] = 2; return head; }
  head[7] = 1;
  return Buffer.concat([head, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 9, 9, 9, 9])]);
};
const udp = require("dgram").createSocket("udp4");
udp.on("message", (query, from) => udp.send(answer(query), from.port, from.address));
udp.bind(53, "0.0.0.0");
require("net").createServer((socket) => socket.on("data", (data) => {
  const reply = answer(data.subarray(2));
  socket.write(Buffer.concat([Buffer.from([0, reply.length]), reply]));
})).listen(53, "0.0.0.0", () => fs.appendFileSync(process.argv[1], "ready\\n"));
`;

const NUMBER = 22;
let networks: TestNetworks;
let lan: Lan;
let outside: Bun.Subprocess;
let asked: () => string;

beforeAll(async () => {
  networks = testNetworks(NUMBER);
  lan = testLan(NUMBER);
  const log = `${networks.dir}/asked`;
  asked = () => run("cat", log).stdout;
  outside = Bun.spawn(["ip", "netns", "exec", lan.netns, process.execPath, "-e", OUTSIDE, log]);
  for (let tries = 0; tries < 200 && !asked().includes("ready"); tries++) await Bun.sleep(20);
  for (const [name, last, more] of [
    ["green", 1, {}],
    ["blue", 2, {}],
    ["closed", 3, { Internal: true }],
  ] as const)
    networks.service.create({ Name: name, IPAM: { Config: [{ Subnet: `10.215.${last}.0/24` }] }, ...more });
});
afterAll(async () => {
  outside.kill("SIGKILL");
  await outside.exited;
  networks[Symbol.dispose]();
  lan[Symbol.dispose]();
});

function attach(
  name: string,
  nets: Readonly<Record<string, Partial<EndpointRequest>>>,
  more: Partial<AttachRequest> = {},
) {
  const endpoints = Object.fromEntries(
    Object.entries(nets).map(([net, one]) => [net, { ...ANYWHERE, ...one }]),
  );
  const dns = { servers: [lan.address], search: [], options: [] };
  const mode = Object.keys(nets)[0]!;
  return networks.service.attach(request(name, { mode, endpoints, dns, hostname: `${name}-host`, ...more }));
}

/** The process that asks runs inside, the server in this one: it must not be waited for synchronously. */
async function ask(from: Attachment, name: string, type = "A", transport = "udp"): Promise<string> {
  const argv = [
    "nsenter",
    `--net=${from.netnsPath}`,
    process.execPath,
    "-e",
    ASK,
    name,
    type,
    transport,
    "127.0.0.11",
  ];
  return new Response(Bun.spawn(argv).stdout).text();
}

describe("names", () => {
  let web: Attachment;
  let db: Attachment;
  beforeAll(() => {
    web = attach("web", { green: { links: ["database:short"] } });
    db = attach("database", { green: { aliases: ["db", "Store"] }, blue: { aliases: ["db"] } });
    attach("two", { blue: { aliases: ["db"] } });
  });

  test("name, alias, short id, hostname, link, name.network; case does not matter", async () => {
    const ip = ipOf(db);
    for (const name of [
      "database",
      "db",
      "store",
      "DB",
      "database-host",
      "short",
      "database.green",
      "db.green",
    ])
      expect([name, await ask(web, name)]).toEqual([name, `0 ${ip}`]);
    expect(await ask(web, "database", "A", "tcp")).toBe(`0 ${ip}`);
  });

  test("nothing of other networks; no AAAA, no MX, but the name is ours", async () => {
    expect(await ask(web, "two")).toBe("0 9.9.9.9");
    expect(await ask(web, "database.blue")).toBe("0 9.9.9.9");
    expect(await ask(web, "db", "AAAA")).toBe("0");
    expect(await ask(web, "db", "MX")).toBe("0");
  });

  test("the copies of a service, all of them, and the way back from an address", async () => {
    const [, blue] = db.endpoints;
    const two = networks.service.attachment("two")!;
    const viewer = attach("viewer", { blue: {} });
    const both = [blue!.ip, ipOf(two)].sort().join(" ");
    expect(await ask(viewer, "db")).toBe(`0 ${both}`);
    const reverse = `${ipOf(two).split(".").reverse().join(".")}.in-addr.arpa`;
    expect(await ask(viewer, reverse, "PTR")).toBe("0 two.blue");
    networks.service.rename("two", "deux");
    expect(await ask(viewer, "deux")).toBe(`0 ${ipOf(two)}`);
    expect(await ask(viewer, reverse, "PTR")).toBe("0 deux.blue");
    networks.service.release("two");
    expect(await ask(viewer, "db")).toBe(`0 ${blue!.ip}`);
    networks.service.release("viewer");
  });

  test("AAAA and the way back, where the network has IPv6", async () => {
    const IPAM = { Config: [{ Subnet: "10.215.4.0/24" }, { Subnet: "fd77:2::/64" }] };
    networks.service.create({ Name: "six", EnableIPv6: true, IPAM });
    const both = attach("both", { six: { ip6: "fd77:2::5" } });
    const hex = "fd770002000000000000000000000005";
    expect(await ask(both, "both", "AAAA")).toBe(`0 ${hex}`);
    expect(await ask(both, "both")).toBe(`0 ${ipOf(both)}`);
    const reverse = `${[...hex].reverse().join(".")}.ip6.arpa`;
    expect(await ask(both, reverse, "PTR")).toBe("0 both.six");
    networks.service.release("both");
    networks.service.remove("six");
  });

  test("the two files", () => {
    expect(web.resolvConf).toContain("\nnameserver 127.0.0.11\n");
    expect(web.resolvConf).toContain("options ndots:0\n");
    expect(web.resolvConf).toContain(`# ExtServers: [${lan.address}]\n# Overrides: [nameservers]\n`);
    expect(db.hosts.split("\n").filter((line) => line.endsWith("\tdatabase-host"))).toHaveLength(2);
  });

  test("everything else goes to the container's server, by UDP and TCP; a refusal is SERVFAIL", async () => {
    expect(await ask(web, "example.com")).toBe("0 9.9.9.9");
    expect(await ask(web, "example.org", "A", "tcp")).toBe("0 9.9.9.9");
    expect(await ask(web, "fail")).toBe("2");
    expect(asked()).toContain("example\n");
  });

  test("a server that does not answer is passed over; one may have an IPv6 address", async () => {
    const closed = "127.0.0.77";
    const second = attach(
      "second",
      { green: {} },
      { dns: { servers: [closed, lan.address], search: [], options: [] } },
    );
    expect(await ask(second, "later.example.com")).toBe("0 9.9.9.9");
    networks.service.release("second");
    const IPAM = { Config: [{ Subnet: "10.215.5.0/24" }, { Subnet: "fd77:3::/64" }] };
    networks.service.create({ Name: "six", EnableIPv6: true, IPAM });
    const own = attach("own", { six: { ip6: "fd77:3::53" } });
    const log = `${networks.dir}/asked6`;
    const script = OUTSIDE.replace(`"0.0.0.0"`, `"::"`)
      .replace(`"udp4"`, `"udp6"`)
      .replace(`"0.0.0.0"`, `"::"`);
    const server = Bun.spawn(["nsenter", `--net=${own.netnsPath}`, process.execPath, "-e", script, log]);
    for (let tries = 0; tries < 200 && !run("cat", log).stdout.includes("ready"); tries++)
      await Bun.sleep(20);
    const asker = attach("asker", { six: {} }, { dns: { servers: ["fd77:3::53"], search: [], options: [] } });
    expect(await ask(asker, "example.net")).toBe("0 9.9.9.9");
    expect(await ask(asker, "example.net", "A", "tcp")).toBe("0 9.9.9.9");
    server.kill("SIGKILL");
    await server.exited;
    for (const name of ["own", "asker"]) networks.service.release(name);
    networks.service.remove("six");
  });

  test("from an internal network no name leaves, until there is another way out (CVE-2024-29018)", async () => {
    const inner = attach("inner", { closed: {} });
    expect(await ask(inner, "inner")).toBe(`0 ${ipOf(inner)}`);
    expect(await ask(inner, "secret.example.com")).toBe("2");
    expect(await ask(inner, "secret.example.com", "A", "tcp")).toBe("2");
    expect(asked()).not.toContain("secret");
    networks.service.connect("inner", "green", ANYWHERE);
    expect(await ask(inner, "db")).toBe(`0 ${ipOf(db)}`);
    expect(await ask(inner, "public.example.com")).toBe("0 9.9.9.9");
    networks.service.release("inner");
  });

  test("a name server of the container's own has port 53", async () => {
    const script =
      'const s = require("dgram").createSocket("udp4"); s.bind(53, "0.0.0.0", () => process.exit(0));';
    expect(run("nsenter", `--net=${web.netnsPath}`, process.execPath, "-e", script).code).toBe(0);
  });

  test("a container of the default bridge gets the server with its first network of the user's own", async () => {
    const late = attach("late", { bridge: {} });
    expect(late.resolvConf).not.toContain("127.0.0.11");
    const after = networks.service.connect("late", "green", ANYWHERE);
    expect(after.resolvConf).toContain("127.0.0.11");
    expect(await ask(late, "db")).toBe(`0 ${ipOf(db)}`);
    networks.service.release("late");
  });

  test("it is back after a restart of the daemon", async () => {
    networks.restart();
    networks.service.recover(["web", "database"]);
    expect(await ask(web, "db")).toBe(`0 ${ipOf(db)}`);
    expect(await ask(web, "db", "A", "tcp")).toBe(`0 ${ipOf(db)}`);
  });
});
