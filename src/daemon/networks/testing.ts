/** For tests: a service on a bridge and directories of its own, and a LAN host that reaches this machine by a veth pair. */
import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { systemClock } from "../../lib/clock.ts";
import { randomIds } from "../../lib/ids.ts";
import { ANYWHERE } from "./endpoints.ts";
import type { Attachment, AttachRequest, NetworkService } from "./network.ts";
import { openNetworks } from "./open.ts";

export function run(...argv: readonly string[]): { readonly code: number; readonly stdout: string } {
  const { exitCode, stdout } = Bun.spawnSync([...argv], { stdin: "ignore", stderr: "ignore" });
  return { code: exitCode, stdout: stdout.toString() };
}

export const NO_DNS = { servers: [], search: [], options: [] };

export interface TestNetworks extends Disposable {
  readonly dir: string;
  readonly bridge: string;
  readonly subnet: string;
  readonly logged: string[];
  /** Events: action, network, container. */
  readonly told: string[];
  readonly database: Database;
  service: NetworkService;
  /** As after SIGKILL and a new start: nothing was closed in order. */
  restart(): void;
}

/** @param number of the subnet 10.211.<number>.0/24 */
export function testNetworks(number: number): TestNetworks {
  const dir = mkdtempSync("/tmp/skiff-networks-");
  const bridge = `skkn${dir.slice(-6)}`;
  const subnet = `10.211.${number}`;
  run("ip", "link", "add", bridge, "type", "bridge");
  run("ip", "address", "add", `${subnet}.1/24`, "dev", bridge);
  const logged: string[] = [];
  const told: string[] = [];
  const events = {
    publish: (
      _type: string,
      action: string,
      _id: string,
      { name, container }: Readonly<Record<string, string>>,
    ) => void told.push([action, name, container].join(" ").trim()),
  };
  const database = new Database(`${dir}/networks.db`);
  const options = { bridge, bip: "", mtu: 0, dns: NO_DNS, execRoot: `${dir}/exec`, dataRoot: dir };
  let stop = () => {};
  const every = (intervalMs: number, body: () => void) => {
    const timer = setInterval(body, intervalMs);
    stop = () => clearInterval(timer);
    return stop;
  };
  const log = (message: string) => void logged.push(message);
  const open = () =>
    openNetworks(options, { database, events, every, ids: randomIds, clock: systemClock, log });
  const made: TestNetworks = {
    ...{ dir, bridge, subnet, logged, told, database },
    service: open(),
    restart() {
      // What is dead mends nothing any more.
      stop();
      made.service = open();
    },
    [Symbol.dispose]() {
      made.service.recover([]);
      made.service.prune(new Map());
      made.service.close();
      run("ip", "link", "del", bridge);
      rmSync(dir, { recursive: true });
    },
  };
  return made;
}

/** Of its first network. */
export function ipOf({ endpoints }: Attachment): string {
  return endpoints[0]?.ip ?? "";
}

/** Without `endpoints` it is in the network its mode names. */
export function request(containerId: string, change: Partial<AttachRequest> = {}): AttachRequest {
  const mode = change.mode ?? "bridge";
  const endpoints = mode.startsWith("container:") ? {} : { [mode]: ANYWHERE };
  return {
    ...{ containerId, name: containerId, mode, endpoints, links: [], hostname: "boat", domainname: "" },
    ...{ portBindings: {}, exposedPorts: [], publishAll: false, dns: NO_DNS, extraHosts: [] },
    ...change,
  };
}

export interface Lan extends Disposable {
  readonly netns: string;
  readonly hostAddress: string;
  readonly address: string;
}

/** @param number of the subnet 10.212.<number>.0/24 */
export function testLan(number: number): Lan {
  const netns = `skiff-lan-${number}-${process.pid}`;
  const host = `skkl${process.pid}`.slice(0, 15);
  const [hostAddress, address] = [`10.212.${number}.1`, `10.212.${number}.2`];
  run("ip", "netns", "add", netns);
  run("ip", "link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", netns);
  run("ip", "address", "add", `${hostAddress}/24`, "dev", host);
  run("ip", "link", "set", host, "up");
  for (const args of [
    ["address", "add", `${address}/24`, "dev", "eth0"],
    ["link", "set", "eth0", "up"],
    ["link", "set", "lo", "up"],
  ])
    run("ip", "-n", netns, ...args);
  return {
    ...{ netns, hostAddress, address },
    [Symbol.dispose]() {
      run("ip", "link", "del", host);
      run("ip", "netns", "del", netns);
    },
  };
}
