/** Pulls into the daemon as a process, with real snapshots: unpacked trees, and what a SIGKILL in the middle leaves. Needs root. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { debianLayout, push } from "../../../../test/harness/images.ts";
import { type Registry, startRegistry } from "../../../../test/harness/registry.ts";
import { eventually, must } from "../../../../test/harness/shell.ts";
import { Kind } from "../../../contracts/containerd/gen/snapshots_pb.ts";
import { codeOf } from "../../../lib/errors.ts";
import { connectTransfers } from "./testing-client.ts";

const directory = mkdtempSync("/tmp/skiff-transfer-");
const address = `${directory}/c.sock`;
const UNPACKS = [{ platform: { os: "linux", architecture: "amd64" }, snapshotter: "overlayfs" }];
let daemon: Bun.Subprocess;
let registry: Registry;
let name = "";
let client: ReturnType<typeof connectTransfers>;

async function start(): Promise<void> {
  const flags = ["--address", address, "--root", `${directory}/root`, "--state", `${directory}/state`];
  daemon = Bun.spawn([process.execPath, resolve("src/main.ts"), "skiff-containerd", ...flags], {
    ...{ stdin: "ignore", stdout: "ignore", stderr: "ignore" },
  });
  client = connectTransfers(address);
  await eventually("the daemon to answer", () =>
    client.images.list({}).then(
      () => true,
      () => false,
    ),
  );
}

async function stop(signal: NodeJS.Signals): Promise<void> {
  daemon.kill(signal);
  await daemon.exited;
  client.close();
}

const pull = () => client.run(client.registry(name), client.store({ name, unpacks: UNPACKS }));

beforeAll(async () => {
  registry = await startRegistry();
  name = await push(await debianLayout(), `${registry.name}/debian:1`);
  await start();
}, 600_000);

afterAll(async () => {
  await stop("SIGTERM");
  await registry[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

async function snapshots() {
  const found = [];
  for await (const { info } of client.snapshots.list({ snapshotter: "overlayfs" })) found.push(...info);
  return found;
}

describe("pull into a process", () => {
  test("killed in the middle, started again, pulled again: nothing is left but the image", async () => {
    const interrupted = pull().then(() => "", codeOf);
    const content = join(directory, "root/io.containerd.content.v1.content/ingest");
    await eventually("a layer on its way", async () => readdirSync(content).length > 0);
    await stop("SIGKILL");
    expect(await interrupted).toBe("unavailable");
    await start();
    expect((await client.images.list({})).images).toEqual([]);
    const told = await pull();
    expect(told.filter(({ event }) => event === "extracted").length).toBe(3);
    const all = await snapshots();
    expect(all.map(({ kind }) => kind)).toEqual([Kind.COMMITTED, Kind.COMMITTED, Kind.COMMITTED]);
    expect(all.every(({ name }) => name.startsWith("sha256:"))).toBe(true);
  }, 120_000);

  test("the tree is the image's", async () => {
    const top = (await snapshots()).find((one, _, all) => all.every(({ parent }) => parent !== one.name))!;
    const labels = { "containerd.io/gc.root": "now" };
    const request = { snapshotter: "overlayfs", key: "look", parent: top.name, labels };
    const { mounts } = await client.snapshots.view(request);
    const tree = mkdtempSync("/tmp/skiff-transfer-tree-");
    const [mount] = mounts;
    await must(["mount", "-t", mount!.type, "-o", mount!.options.join(","), mount!.source, tree]);
    const bundle = mkdtempSync("/tmp/skiff-transfer-umoci-");
    try {
      await must(["umoci", "unpack", "--image", `${await debianLayout()}:latest`, `${bundle}/b`]);
      const list = (root: string) =>
        must([
          "sh",
          "-c",
          `cd ${root} && find . -printf '%P %y %m %U:%G %s %l\\n' | grep -v '^[^ ]* d' | sort | sha256sum`,
        ]);
      expect(await list(tree)).toBe(await list(`${bundle}/b/rootfs`));
    } finally {
      await must(["umount", tree]);
      rmSync(tree, { recursive: true });
      rmSync(bundle, { recursive: true, force: true });
      await client.snapshots.remove({ snapshotter: "overlayfs", key: "look" });
    }
  }, 120_000);

  test("without its name all of it goes", async () => {
    await client.images.delete({ name, sync: true });
    // What the interrupted pull had is held by its lease for a day, as with containerd; the second pull's is not.
    expect((await client.images.list({})).images).toEqual([]);
    expect((await snapshots()).filter(({ name }) => !name.startsWith("sha256:"))).toEqual([]);
  });
});
