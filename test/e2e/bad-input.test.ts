/** What goes wrong is said in Docker's words, with Docker's exit code, leaves nothing half-made, and a retry works. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CLIENTS, DIST, type Engine, startEngine } from "../harness/engine.ts";
import { busyboxArchive, busyboxLayout, push } from "../harness/images.ts";
import { freePort, type Registry, startRegistry } from "../harness/registry.ts";
import { must, shell } from "../harness/shell.ts";

let engine: Engine;
let registry: Registry;
beforeAll(async () => {
  registry = await startRegistry();
  engine = await startEngine();
  await engine.ok("docker", ["load", "-i", await busyboxArchive()]);
}, 300_000);
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
}, 60_000);

/** Mounts, namespaces, cgroups and containers of the engine: the same before and after a failure. */
function belongings(): string[] {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const ours = mounts.filter((line) => line.includes(engine.dir)).map((line) => line.split(" ")[4]!);
  const tasks = readdirSync(join(engine.dir, "exec"), { recursive: true }).map(String);
  return [...ours, ...tasks.filter((path) => /netns\/|containers\/|task\/moby\//.test(path))].sort();
}

/** Flips a byte in, or cuts off, every stored blob of at least `bytes`: layers, not manifests. */
function spoil(change: (path: string) => void, bytes: number): void {
  const blobs = join(registry.storage, "docker/registry/v2/blobs");
  for (const entry of readdirSync(blobs, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && entry.name === "data" && Bun.file(path).size >= bytes) change(path);
  }
}

describe.each([...CLIENTS])("%s", (client) => {
  const run = (...args: string[]) => engine.run(client, args);

  test("unknown flag, command and image", async () => {
    const flag = await run("run", "--no-such-flag", "busybox");
    expect(flag.stderr).toContain("unknown flag: --no-such-flag");
    expect(flag.code).toBe(125);
    expect((await run("no-such-command")).code).toBe(1);
    const image = await run("run", "--rm", `${registry.name}/missing:1`);
    expect(image.stderr).toContain(`Unable to find image '${registry.name}/missing:1' locally`);
    expect(image.stderr).toMatch(/manifest (for .* not found|unknown)|not found/);
    expect(image.code).toBe(125);
    expect((await run("run", "--rm", "UPPER/Case")).stderr).toContain("invalid reference format");
  });

  test("a registry that is down or answers garbage", async () => {
    const port = await freePort();
    expect((await run("pull", `127.0.0.1:${port}/x`)).stderr).toContain("connection refused");
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => new Response("<html>no</html>"),
    });
    const outcome = await run("pull", `127.0.0.1:${server.port}/x:1`);
    await server.stop(true);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).not.toBe("");
  });

  test("missing binary, not executable, bad directory: nothing is left, a retry works", async () => {
    const before = belongings();
    const missing = await run("run", "--name", `again-${client}`, "busybox", "no-such");
    expect(missing.code).toBe(127);
    expect(missing.stderr).toContain('exec: "no-such": executable file not found in $PATH');
    const kept = await run("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", `again-${client}`);
    expect(kept.stdout).toBe("created 127\n");
    await run("rm", `again-${client}`);
    const denied = await run("run", "--rm", "busybox", "/etc/passwd");
    expect(denied.code).toBe(126);
    expect(denied.stderr).toContain("permission denied");
    expect((await run("run", "--rm", "-u", "nobody-here", "busybox", "true")).stderr).toContain(
      "unable to find user nobody-here: no matching entries in passwd file",
    );
    expect(belongings()).toEqual(before);
    expect((await run("run", "--rm", "--name", `again-${client}`, "busybox", "echo", "fine")).stdout).toBe(
      "fine\n",
    );
    expect(belongings()).toEqual(before);
  });

  test("a name in use", async () => {
    await run("create", "--name", `taken-${client}`, "busybox");
    const again = await run("create", "--name", `taken-${client}`, "busybox");
    expect(again.stderr).toContain(`The container name "/taken-${client}" is already in use by container`);
    expect(again.code).toBe(1);
    await run("rm", `taken-${client}`);
    expect((await run("rm", `taken-${client}`)).stderr).toContain(`No such container: taken-${client}`);
  });

  test("no daemon, no root", async () => {
    const nowhere = await shell([
      ...engine.argv(client, []).slice(0, 1),
      "-H",
      `unix://${engine.dir}/none.sock`,
      "ps",
    ]);
    expect(nowhere.stderr).toMatch(/Cannot connect to the Docker daemon at .*none\.sock|no such file/);
    expect(nowhere.code).toBe(1);
  });
});

test("a corrupt and a truncated layer are refused; the mended registry serves the retry", async () => {
  const image = await push(await busyboxLayout(), `${registry.name}/spoiled:1`);
  const originals = new Map<string, Uint8Array>();
  spoil((path) => originals.set(path, new Uint8Array(readFileSync(path))), 100_000);
  spoil((path) => {
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 0xff;
    writeFileSync(path, bytes);
  }, 100_000);
  await engine.run("docker", ["rmi", "-f", "busybox", image]);
  const corrupt = await engine.run("docker", ["pull", image]);
  expect(corrupt.code).toBe(1);
  expect(corrupt.stderr).toMatch(/digest|verif/i);
  spoil((path) => truncateSync(path, 50_000), 100_000);
  expect((await engine.run("docker", ["pull", image])).code).toBe(1);
  expect(await engine.ok("docker", ["images", "-q", image])).toBe("");
  for (const [path, bytes] of originals) writeFileSync(path, bytes);
  await engine.ok("docker", ["pull", image]);
  expect(await engine.ok("docker", ["run", "--rm", image, "echo", "mended"])).toBe("mended");
  await engine.ok("docker", ["load", "-i", await busyboxArchive()]);
}, 120_000);

test("a full disk fails the pull; with room again it works", async () => {
  const image = await push(await busyboxLayout(), `${registry.name}/full:1`);
  const data = join(engine.dir, "small");
  await must(["mkdir", data]);
  await must(["mount", "-t", "tmpfs", "-o", "size=3m", "skiff-small", data]);
  try {
    await using small = await startEngine({ network: "none", flags: ["--data-root", data] });
    const full = await small.run("docker", ["pull", image]);
    expect(full.code).toBe(1);
    expect(full.stderr).toMatch(/no space left on device|ENOSPC/);
    await must(["mount", "-o", "remount,size=64m", data]);
    await small.ok("docker", ["pull", image]);
  } finally {
    await must(["umount", data]);
  }
});

test("a second daemon on the same data root is refused", async () => {
  const paths = ["--data-root", join(engine.dir, "data"), "--exec-root", join(engine.dir, "exec2")];
  const own = [
    "-H",
    `unix://${engine.dir}/second.sock`,
    "--pidfile",
    `${engine.dir}/second.pid`,
    "--bridge",
    "none",
  ];
  const second = await shell([`${DIST}/skiffd`, ...own, ...paths]);
  expect(second.code).toBe(1);
  expect(second.stderr).toContain(join(engine.dir, "data"));
});

test("skiffd without root says so", async () => {
  const argv = [`${DIST}/skiffd`, "-H", "unix:///tmp/skiff-never.sock", "--data-root", "/tmp/skiff-never"];
  const outcome = await shell(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ...argv]);
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toMatch(/needs? to be started with root|root privileges/);
});

test("unknown daemon flags are dockerd's error", async () => {
  const outcome = await shell([`${DIST}/skiffd`, "--no-such"]);
  expect(outcome.stderr).toContain("unknown flag: --no-such");
  expect(outcome.code).not.toBe(0);
});
