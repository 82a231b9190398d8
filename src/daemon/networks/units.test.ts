import { expect, test } from "bun:test";
import fc from "fast-check";
import { formatIpv4, parseCidr, parseIpv4 } from "../../kernel/netlink/ipv4.ts";
import { codeOf } from "../../lib/errors.ts";
import { lowestFree, macOf } from "./addresses.ts";
import type { HostPorts } from "./host-ports.ts";
import { hostsText } from "./hosts.ts";
import { freePool } from "./pools.ts";
import { reservePorts, wantedPorts } from "./publish.ts";
import { hostResolvConf, resolvConfText } from "./resolv-conf.ts";
import { NO_DNS, request } from "./testing.ts";

test("the lowest free address, never the network's, the gateway's or the broadcast's", () => {
  const space = (cidr: string, gateway: string) => ({
    ...{ networkId: "id", name: "net", subnet: parseCidr(cidr) },
    reserved: [parseIpv4(gateway)!],
  });
  const network = space("172.17.0.0/16", "172.17.0.1");
  expect(formatIpv4(lowestFree(network, new Set()))).toBe("172.17.0.2");
  const range = parseCidr("172.17.3.0/24");
  expect(formatIpv4(lowestFree({ ...network, range }, new Set()))).toBe("172.17.3.0");
  expect(macOf(parseIpv4("172.17.0.2")!)).toBe("02:42:ac:11:00:02");
  const small = space("10.0.0.0/29", "10.0.0.6");
  const used = new Set<number>();
  const given = Array.from({ length: 5 }, () => {
    const address = lowestFree(small, used);
    used.add(address);
    return formatIpv4(address);
  });
  expect(given).toEqual(["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"]);
  expect(() => lowestFree(small, used)).toThrow(
    "no available IPv4 addresses on this network's address pools: net (id)",
  );
});

test("a pool that nobody uses", () => {
  expect(formatIpv4(freePool([parseCidr("0.0.0.0/0")]).address)).toBe("172.17.0.1");
  expect(formatIpv4(freePool([parseCidr("172.17.42.0/24"), parseCidr("172.18.0.0/15")]).address)).toBe(
    "172.20.0.1",
  );
  expect(() => freePool([parseCidr("128.0.0.0/1")])).toThrow("fully subnetted");
});

test("/etc/hosts", () => {
  const text = hostsText({
    ...{ extraHosts: ["a:1.2.3.4", "six:::1", "g:host-gateway"], gateway: "172.17.0.1" },
    ...{ ips: ["172.17.0.2"], hostname: "boat", domainname: "example.org" },
  });
  expect(text.split("\n").slice(-5)).toEqual([
    "1.2.3.4\ta",
    "::1\tsix",
    "172.17.0.1\tg",
    "172.17.0.2\tboat.example.org boat",
    "",
  ]);
});

test("/etc/resolv.conf", () => {
  const host = "# ours\nnameserver 127.0.0.1\nnameserver 10.0.0.1\nsearch a b\noptions ndots:2\n";
  expect(resolvConfText(host, NO_DNS, true)).toBe(host);
  expect(resolvConfText(host, NO_DNS, false)).toBe("nameserver 10.0.0.1\nsearch a b\noptions ndots:2\n");
  expect(resolvConfText("nameserver 10.0.0.1\n", NO_DNS, false)).toBe("nameserver 10.0.0.1\n");
  expect(resolvConfText("nameserver ::1\n", NO_DNS, false)).toBe("nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
  const dns = { servers: ["1.1.1.1"], search: ["."], options: ["rotate"] };
  expect(resolvConfText(host, dns, false)).toBe("nameserver 1.1.1.1\noptions rotate\n");
  const files: Record<string, string> = {
    "/etc/resolv.conf": "nameserver 127.0.0.53\n",
    "/run/systemd/resolve/resolv.conf": "nameserver 10.9.9.9\n",
  };
  expect(hostResolvConf((path) => files[path] ?? "")).toBe("nameserver 10.9.9.9\n");
});

test("bindings: published, exposed, all", () => {
  const exposedPorts = ["80/tcp", "53/udp", "9"];
  const portBindings = { "80": [{ HostIp: "", HostPort: "8080" }], "443/tcp": null };
  expect(wantedPorts(request("x", { exposedPorts, portBindings }))).toEqual([
    ["443/tcp", null],
    ["53/udp", null],
    ["80/tcp", [{ HostIp: "", HostPort: "8080" }]],
    ["9/tcp", null],
  ]);
  const all = wantedPorts(request("x", { exposedPorts, portBindings, publishAll: true }));
  expect(all.every(([, bindings]) => bindings?.length === 1)).toBe(true);
});

test("ports are reserved all or none, whatever a client sends", () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom("80", "80/tcp", "0", "1-3", "3-1", "65536", "::1", "127.0.0.1", ""),
  );
  const binding = fc.record({ HostIp: word, HostPort: word });
  fc.assert(
    fc.property(fc.dictionary(word, fc.array(binding, { maxLength: 3 }), { maxKeys: 4 }), (portBindings) => {
      const held = new Set<string>();
      const key = (protocol: string, ip: number, port: number) => `${protocol} ${ip} ${port}`;
      const ports: HostPorts = {
        reserve: ({ protocol, ip, port }) => void held.add(key(protocol, ip, port)),
        reserveAny: (protocol, ip, _, range = [40_000, 40_001]) => {
          held.add(key(protocol, ip, range[0]));
          return range[0];
        },
        free: ({ protocol, ip, port }) => void held.delete(key(protocol, ip, port)),
        close() {},
      };
      try {
        const done = reservePorts(ports, request("x", { portBindings }), "10.0.0.2");
        for (const { hostPort, containerPort } of done)
          expect(hostPort > 0 && hostPort < 65536 && containerPort > 0 && containerPort < 65536).toBe(true);
      } catch (error) {
        expect(["invalid_argument", "unimplemented"]).toContain(codeOf(error));
        expect(held.size).toBe(0);
      }
    }),
  );
});
