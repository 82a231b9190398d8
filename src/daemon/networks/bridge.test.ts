/** The daemon's own bridge, in a network namespace of the test's own: a child process, because it makes `docker0`. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";

/** Opens the service with these options and prints its bridge, its firewall's forward chain and what `ip` has to say. */
const CHILD = `
const [dir, module, mode, bip] = process.argv.slice(1);
const { openNetworks } = await import(module + "/open.ts");
const { Database } = await import("bun:sqlite");
const { systemClock } = await import(module + "/../../lib/clock.ts");
const { randomIds } = await import(module + "/../../lib/ids.ts");
const sh = (line) => Bun.spawnSync(["sh", "-c", line]).stdout.toString();
const dns = { servers: [], search: [], options: [] };
const open = (name, bip = "") => openNetworks(
  { bridge: "", bip, mtu: 0, dns, execRoot: dir + "/" + name, dataRoot: dir + "/" + name },
  { database: new Database(dir + "/" + name + ".db"), ids: randomIds, clock: systemClock, log() {}, events: { publish() {} } });
const shown = (service) => {
  const { IPAM, Options } = service.inspect("bridge");
  return Options["com.docker.network.bridge.name"] + " " + IPAM.Config[0].Subnet;
};
const told = [];
sh("echo 0 >/proc/sys/net/ipv4/ip_forward");
const first = open("one");
told.push(shown(first), open("one") && shown(open("one")), shown(open("two")));
told.push(sh("nft list chain ip skiff-docker0 forward").includes('iifname != "docker0" oifname != "docker0" drop'));
const last = open("one", "192.168.99.1/24");
told.push(shown(last));
first.close();
last.close();
told.push(sh("ip link show docker0") === "");
sh("ip link add docker0 type bridge; ip address add 172.17.0.1/16 dev docker0");
told.push(shown(open("one")));
sh("nft add table ip filter; nft add chain ip filter FORWARD '{ type filter hook forward priority 0; policy drop; }'");
const ours = () => sh("nft list chain ip filter FORWARD").split("\\n").filter((line) => line.includes("comment"));
open("one");
const restarted = open("one");
told.push(ours().map((line) => line.trim()));
restarted.close();
told.push(ours());
require("fs").writeSync(1, JSON.stringify(told));
process.exit(0);
`;

test("docker0, or skiff0 where docker0 is another's; a pool that is free; --bip; a policy of drop; gone at the end", () => {
  const dir = mkdtempSync("/tmp/skiff-bridge-");
  const child = Bun.spawnSync(["unshare", "--net", process.execPath, "-e", CHILD, dir, import.meta.dir]);
  rmSync(dir, { recursive: true });
  expect(child.stderr.toString()).toBe("");
  expect(JSON.parse(child.stdout.toString())).toEqual([
    "docker0 172.17.0.0/16",
    "docker0 172.17.0.0/16",
    "skiff0 172.18.0.0/16",
    true,
    "docker0 192.168.99.0/24",
    true,
    "skiff1 172.19.0.0/16",
    ['oifname "skiff1" accept comment "skiff-skiff1"', 'iifname "skiff1" accept comment "skiff-skiff1"'],
    [],
  ]);
});
