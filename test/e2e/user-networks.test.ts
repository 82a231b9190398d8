/** Networks of the user's own by the genuine command line: names, several networks, who reaches whom, and the daemon killed in between. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Engine, startEngine } from "../harness/engine.ts";
import { busyboxArchive } from "../harness/images.ts";
import { freePort } from "../harness/registry.ts";
import { eventually, must } from "../harness/shell.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({ flags: ["--default-address-pool", "base=10.241.0.0/16,size=24"] });
  await engine.ok("docker", ["load", "-i", await busyboxArchive()]);
}, 120_000);
afterAll(async () => {
  const ids = (await engine.ok("docker", ["ps", "-aq"])).split("\n").filter((id) => id !== "");
  if (ids.length > 0) await engine.ok("docker", ["rm", "-f", ...ids]);
  await engine.ok("docker", ["network", "prune", "-f"]);
  await engine[Symbol.asyncDispose]();
  expect(await must(["ip", "-o", "link"])).not.toMatch(/: br-[0-9a-f]{12}/);
}, 60_000);

const ok = (...args: string[]) => engine.ok("docker", args);
const run = (...args: string[]) => engine.run("docker", args);
const inspect = async (format: string, ...what: string[]) => ok("inspect", "-f", format, ...what);
const SERVE = "echo hello from $(hostname) >/tmp/index.html; exec httpd -f -p 80 -h /tmp";
const serve = (name: string, ...args: string[]) =>
  ok("run", "-d", "--name", name, "-h", name, ...args, "busybox", "sh", "-c", SERVE);
/** The address a name stands for, if that answers. (The static busybox' wget cannot resolve names.) */
async function reach(from: string, name: string): Promise<string> {
  const { code, stdout } = await run("exec", from, "ping", "-c1", "-W1", name);
  return code === 0 ? (/\((\d+\.\d+\.\d+\.\d+)\)/.exec(stdout)?.[1] ?? "") : "";
}
const addressIn = (network: string, name: string) =>
  inspect(`{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name);

describe("names", () => {
  test("two services find each other; a third network keeps them apart from others", async () => {
    await ok("network", "create", "--label", "tier=front", "front");
    await ok("network", "create", "--internal", "back");
    await serve("web", "--network", "front", "--network-alias", "www");
    await serve("db", "--network", "back", "--network-alias", "store");
    expect(await reach("web", "www")).toBe(await addressIn("front", "web"));
    expect(await reach("web", "db")).toBe("");
    await ok("network", "connect", "--alias", "frontend", "back", "web");
    expect(await reach("web", "store")).toBe(await addressIn("back", "db"));
    expect(await reach("db", "frontend")).toBe(await addressIn("back", "web"));
    expect(await ok("exec", "web", "cat", "/etc/resolv.conf")).toContain("nameserver 127.0.0.11");
    expect((await ok("exec", "web", "cat", "/etc/hosts")).match(/\tweb$/gm)).toHaveLength(2);
    expect(await ok("exec", "db", "ip", "route")).not.toContain("default");
  }, 60_000);

  test("inspect shows every endpoint, of container and network", async () => {
    const networks = JSON.parse(await inspect("{{json .NetworkSettings.Networks}}", "web"));
    expect(Object.keys(networks).sort()).toEqual(["back", "front"]);
    expect(networks.front).toMatchObject({ Aliases: ["www"], Gateway: expect.stringMatching(/^10\.241\./) });
    expect(networks.back).toMatchObject({ Aliases: ["frontend"], Gateway: "" });
    const id = await inspect("{{.Id}}", "web");
    expect(networks.front.DNSNames.sort()).toEqual([id.slice(0, 12), "web", "www"].sort());
    const [back] = JSON.parse(await ok("network", "inspect", "back"));
    expect(
      Object.values(back.Containers as Record<string, { Name: string }>)
        .map(({ Name }) => Name)
        .sort(),
    ).toEqual(["db", "web"]);
    expect(back).toMatchObject({ Internal: true, Driver: "bridge", Scope: "local", EnableIPv6: false });
    expect(await ok("network", "ls", "-q", "--filter", "label=tier=front")).not.toBe("");
    expect((await ok("ps", "--filter", "network=back", "--format", "{{.Names}}")).split("\n").sort()).toEqual(
      ["db", "web"],
    );
  }, 30_000);

  test("refusals", async () => {
    for (const [args, words] of [
      [["network", "rm", "front"], "has active endpoints"],
      [["network", "create", "front"], "network with name front already exists"],
      [["network", "create", "bridge"], "operation is not permitted on predefined bridge network"],
      [["network", "connect", "front", "web"], "endpoint with name web already exists in network front"],
      [["network", "disconnect", "front", "db"], "is not connected to network front"],
      [["network", "rm", "nope"], "network nope not found"],
      [["run", "--rm", "--network", "nope", "busybox", "true"], "network nope not found"],
      [
        ["run", "--rm", "--ip", "10.1.2.3", "busybox", "true"],
        "user specified IP address is supported on user defined networks only",
      ],
    ] as const) {
      const { code, stderr } = await run(...args);
      expect([args.join(" "), code === 0, stderr.includes(words) ? words : stderr]).toEqual([
        args.join(" "),
        false,
        words,
      ]);
    }
  }, 30_000);

  test("the daemon is killed: containers go on, names are answered again, the network takes more", async () => {
    await engine.kill("skiffd");
    await engine.restart();
    expect(await reach("web", "store")).toBe(await addressIn("back", "db"));
    await ok("run", "--rm", "--network", "front", "busybox", "ping", "-c1", "-W1", "web");
    const first = await addressIn("front", "web");
    expect(
      await ok("run", "--rm", "--network", "front", "busybox", "ip", "-4", "-o", "address"),
    ).not.toContain(`${first}/`);
  }, 60_000);

  test("a stopped container comes back in all its networks; disconnect takes one away; rename is seen", async () => {
    await ok("restart", "-t", "0", "web");
    expect(await reach("db", "frontend")).toBe(await addressIn("back", "web"));
    await ok("rename", "web", "site");
    expect(await reach("db", "site")).toBe(await addressIn("back", "site"));
    await ok("network", "disconnect", "back", "site");
    expect(await reach("db", "site")).toBe("");
    expect((await run("exec", "site", "ip", "link", "show", "eth1")).code).not.toBe(0);
    await ok("rm", "-f", "site");
    await ok("network", "rm", "front");
    expect(await ok("network", "ls", "--format", "{{.Name}}")).not.toContain("front");
  }, 60_000);
});

test("two networks at once, IPv6 beside IPv4", async () => {
  await ok("network", "create", "left");
  await ok("network", "create", "--ipv6", "--subnet", "fd77:9::/64", "right");
  await serve("both", "--network", "left", "--network", "name=right,alias=r,ip6=fd77:9::8");
  await serve("peer", "--network", "right");
  expect(Object.keys(JSON.parse(await inspect("{{json .NetworkSettings.Networks}}", "both"))).sort()).toEqual(
    ["left", "right"],
  );
  expect(await inspect("{{.NetworkSettings.Networks.right.GlobalIPv6Address}}", "both")).toBe("fd77:9::8");
  await ok("exec", "peer", "ping", "-6", "-c1", "-W1", "r");
  await ok("exec", "both", "ping", "-c1", "-W1", "peer");
  await ok("rm", "-f", "both", "peer");
  await ok("network", "rm", "left", "right");
}, 60_000);

test("fixed address, published port, events", async () => {
  const port = await freePort();
  await ok("network", "create", "--subnet", "10.242.7.0/24", "--gateway", "10.242.7.9", "fixed");
  await serve("static", "--network", "fixed", "--ip", "10.242.7.77", "-p", `${port}:80`);
  expect(await inspect("{{.NetworkSettings.Networks.fixed.IPAddress}}", "static")).toBe("10.242.7.77");
  await eventually("the port to answer", async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    return (await answer?.text()) === "hello from static\n";
  });
  expect((await ok("port", "static")).split("\n")[0]).toBe(`80/tcp -> 0.0.0.0:${port}`);
  await ok("rm", "-f", "static");
  await ok("network", "rm", "fixed");
  const until = String(Math.ceil(Date.now() / 1000) + 1);
  const events = await ok(
    ...["events", "--since", "1", "--until", until, "--filter", "network=fixed"],
    ...["--filter", "type=network", "--format", "{{.Action}}"],
  );
  expect(events.split("\n")).toEqual(["create", "connect", "disconnect", "destroy"]);
}, 60_000);
