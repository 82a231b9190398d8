/** The default bridge: addresses, names, the way out, and published ports from outside, from the host and from 127.0.0.1. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CLIENTS, type Engine, startEngine } from "../harness/engine.ts";
import { busyboxArchive } from "../harness/images.ts";
import { freePort } from "../harness/registry.ts";
import { eventually, must, shell } from "../harness/shell.ts";

/** A host on a network of its own that reaches this machine by a veth pair. */
interface Lan extends AsyncDisposable {
  readonly netns: string;
  /** This machine's address as the LAN host sees it. */
  readonly hostAddress: string;
  readonly address: string;
}

async function makeLan(): Promise<Lan> {
  const tag = Buffer.from(crypto.getRandomValues(new Uint8Array(2))).toString("hex");
  const number = Number.parseInt(tag.slice(0, 2), 16);
  const netns = `skiff-lan-${tag}`;
  const [hostAddress, address] = [`10.250.${number}.1`, `10.250.${number}.2`];
  await must(["ip", "netns", "add", netns]);
  await must(["ip", "link", "add", `sklan${tag}`, "type", "veth", "peer", "name", "eth0", "netns", netns]);
  await must(["ip", "address", "add", `${hostAddress}/24`, "dev", `sklan${tag}`]);
  await must(["ip", "link", "set", `sklan${tag}`, "up"]);
  await must(["ip", "-n", netns, "address", "add", `${address}/24`, "dev", "eth0"]);
  await must(["ip", "-n", netns, "link", "set", "eth0", "up"]);
  await must(["ip", "-n", netns, "link", "set", "lo", "up"]);
  return {
    ...{ netns, hostAddress, address },
    [Symbol.asyncDispose]: async () => {
      await shell(["ip", "link", "del", `sklan${tag}`]);
      await must(["ip", "netns", "del", netns]);
    },
  };
}

let engine: Engine;
let lan: Lan;
beforeAll(async () => {
  lan = await makeLan();
  engine = await startEngine();
  await engine.ok("docker", ["load", "-i", await busyboxArchive()]);
}, 120_000);
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await lan?.[Symbol.asyncDispose]();
}, 60_000);

const SERVE = [
  "busybox",
  "sh",
  "-c",
  "echo served by $(hostname) >/tmp/index.html; exec httpd -f -p 80 -h /tmp",
];

describe.each([...CLIENTS])("%s", (client) => {
  const ok = (...args: string[]) => engine.ok(client, args);

  test("address, route, hosts, resolv.conf", async () => {
    const script = "ip -4 -o address show eth0; ip route; cat /etc/hosts; cat /etc/resolv.conf";
    const told = await ok(
      "run",
      "--rm",
      "-h",
      "boat",
      "--add-host",
      "buoy:10.1.2.3",
      "busybox",
      "sh",
      "-c",
      script,
    );
    expect(told).toContain(`inet ${engine.subnet}.`);
    expect(told).toContain(`default via ${engine.subnet}.1 dev eth0`);
    expect(told).toMatch(new RegExp(`^${engine.subnet}\\.\\d+\\s+boat$`, "m"));
    expect(told).toMatch(/^10\.1\.2\.3\s+buoy$/m);
  });

  test("a published tcp port is reached from outside, from the host's address and from 127.0.0.1", async () => {
    const port = await freePort();
    const name = `web-${client}`;
    await ok("run", "-d", "--name", name, "-h", "boat", "-p", `${port}:80`, ...SERVE);
    const fetchFrom = (prefix: string[], address: string) =>
      shell([...prefix, "curl", "-sS", "--max-time", "5", `http://${address}:${port}/`]);
    await eventually("httpd", async () => (await fetchFrom([], "127.0.0.1")).code === 0);
    const outside = ["ip", "netns", "exec", lan.netns];
    expect((await fetchFrom([], "127.0.0.1")).stdout).toBe("served by boat\n");
    expect((await fetchFrom([], `${engine.subnet}.1`)).stdout).toBe("served by boat\n");
    expect((await fetchFrom([], lan.hostAddress)).stdout).toBe("served by boat\n");
    expect((await fetchFrom(outside, lan.hostAddress)).stdout).toBe("served by boat\n");
    expect(await ok("port", name)).toContain(`80/tcp -> 0.0.0.0:${port}`);
    const again = await engine.run(client, ["run", "--rm", "-p", `${port}:80`, "busybox", "true"]);
    expect(again.stderr).toContain("port is already allocated");
    expect(again.code).toBe(125);
    await ok("rm", "-f", name);
    expect((await fetchFrom(outside, lan.hostAddress)).code).not.toBe(0);
  });

  test("a published udp port carries datagrams both ways", async () => {
    const port = await freePort();
    const name = `udp-${client}`;
    // Debian's busybox has no UDP in its nc: Bun answers in the container's network namespace, and asks from the LAN.
    await ok("run", "-d", "--name", name, "-p", `${port}:53/udp`, "busybox", "sleep", "1000");
    const pid = await ok("inspect", "-f", "{{.State.Pid}}", name);
    const echo = `const s = require("node:dgram").createSocket("udp4"); s.on("message", (m, from) => s.send(m, from.port, from.address)); s.bind(53);`;
    const server = Bun.spawn(["nsenter", "-t", pid, "-n", process.execPath, "-e", echo]);
    const ask = `const s = require("node:dgram").createSocket("udp4"); s.on("message", (m) => { console.log(String(m)); process.exit(); });
      setInterval(() => s.send("ping", ${port}, "${lan.hostAddress}"), 50); setTimeout(() => process.exit(1), 5000);`;
    try {
      const answer = await shell(["ip", "netns", "exec", lan.netns, process.execPath, "-e", ask]);
      expect(answer).toEqual({ stdout: "ping\n", stderr: "", code: 0 });
    } finally {
      server.kill("SIGKILL");
      await server.exited;
    }
    await ok("rm", "-f", name);
  });

  test("containers reach the LAN behind the host's address; unpublished ports are not reached from outside", async () => {
    const name = `closed-${client}`;
    await ok("run", "-d", "--name", name, ...SERVE);
    const address = await ok("inspect", "-f", "{{.NetworkSettings.IPAddress}}", name);
    expect(await ok("run", "--rm", "busybox", "wget", "-q", "-O", "-", `http://${address}/`)).toContain(
      "served by",
    );
    await must(["ip", "-n", lan.netns, "route", "replace", `${engine.subnet}.0/24`, "via", lan.hostAddress]);
    const direct = ["ip", "netns", "exec", lan.netns, "curl", "-sS", "--max-time", "2", `http://${address}/`];
    expect((await shell(direct)).code).not.toBe(0);
    const listen = Bun.spawn(
      [
        "ip",
        "netns",
        "exec",
        lan.netns,
        "busybox",
        "nc",
        "-l",
        "-p",
        "7000",
        "-e",
        "sh",
        "-c",
        "echo $NCADDR",
      ],
      {
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    await Bun.sleep(200);
    expect(
      (await engine.run(client, ["run", "--rm", "busybox", "ping", "-c", "1", "-W", "2", lan.address])).code,
    ).toBe(0);
    listen.kill();
    await ok("rm", "-f", name);
  });

  test("none and host", async () => {
    expect(await ok("run", "--rm", "--network", "none", "busybox", "ls", "/sys/class/net")).toBe("lo");
    const host = await ok("run", "--rm", "--network", "host", "busybox", "ls", "/sys/class/net");
    expect(host.split("\n")).toContain(engine.bridge);
  });
});
