/** Snapshots at the genuine containerd and at ours: one script, the same answers. Needs root. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { linkSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Snapshots } from "../../contracts/containerd/gen/snapshots_pb.ts";
import { createClient } from "../../wire/h2/client.ts";
import { atBoth, type Peers, type Recorder, startPeers } from "./testing-peers.ts";

/** The machine may be busy. */
setDefaultTimeout(60_000);

let peers: Peers;
beforeAll(async () => {
  peers = await startPeers();
}, 30_000);
afterAll(() => peers[Symbol.asyncDispose]());

async function collect<T>(stream: AsyncIterable<{ readonly info: T[] }>): Promise<T[]> {
  const all: T[] = [];
  for await (const { info } of stream) all.push(...info);
  return all;
}

/** Neither's collector may take it meanwhile. */
const KEEP = { "containerd.io/gc.root": "x" };
const TARGET = "containerd.io/snapshot.ref";

async function script({ channel, note }: Recorder, snapshotter: string): Promise<void> {
  const client = createClient(Snapshots, channel);
  const at = { snapshotter };
  const prepare = (key: string, parent = "", labels: Record<string, string> = {}) =>
    note(`prepare ${key} over ${parent}`, () =>
      client.prepare({ ...at, key, parent, labels: { ...KEEP, ...labels } }),
    );
  const view = (key: string, parent = "") =>
    note(`view ${key} over ${parent}`, () => client.view({ ...at, key, parent, labels: KEEP }));
  const commit = (name: string, key: string, labels: Record<string, string> = {}) =>
    note(`commit ${key} as ${name}`, () =>
      client.commit({ ...at, name, key, labels: { ...KEEP, ...labels } }),
    );
  const stat = (key: string) => note(`stat ${key}`, () => client.stat({ ...at, key }));
  const usage = (key: string) => note(`usage ${key}`, () => client.usage({ ...at, key }));
  const mounts = (key: string) => note(`mounts ${key}`, () => client.mounts({ ...at, key }));
  const remove = (key: string) => note(`remove ${key}`, () => client.remove({ ...at, key }));
  const list = (...filters: string[]) =>
    note(`list ${filters}`, async () =>
      (await collect(client.list({ ...at, filters }))).sort((a, b) => (a.name < b.name ? -1 : 1)),
    );
  const update = (name: string, labels: Record<string, string>, ...paths: string[]) =>
    note(`update ${name} ${paths}`, () =>
      client.update({ ...at, info: { name, labels }, updateMask: { paths } }),
    );

  await prepare("a", "", { one: "1" });
  await prepare("a");
  await prepare("b", "nobody");
  await prepare("b", "a");
  await stat("a");
  await stat("nobody");
  const { mounts: made } = await client.mounts({ ...at, key: "a" });
  const fs = made[0]!.source;
  mkdirSync(join(fs, "dir"));
  writeFileSync(join(fs, "dir/file"), Buffer.alloc(10_000, "x"));
  linkSync(join(fs, "dir/file"), join(fs, "second"));
  await note("modes", () => {
    const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);
    return [modeOf(fs), modeOf(join(fs, "..")), modeOf(join(fs, "../.."))];
  });
  await usage("a");
  await commit("layer1", "nobody");
  await commit("layer1", "a", { two: "2" });
  await commit("layer1", "a");
  await stat("a");
  await stat("layer1");
  await usage("layer1");
  await mounts("layer1");
  await prepare("b", "layer1", { [TARGET]: "layer2" });
  await usage("b");
  await mounts("b");
  await commit("layer1", "b");
  await commit("layer2", "b");
  await prepare("again", "layer1", { [TARGET]: "layer2" });
  await view("v1", "layer1");
  await view("v2", "layer2");
  await view("v0");
  await usage("v1");
  await commit("v", "v1");
  await prepare("child", "v1");
  await prepare("c", "layer2");
  await remove("layer1");
  await remove("nobody");
  await update("layer2", { ...KEEP, x: "y", z: "w" });
  await update("layer2", { x: "new", q: "no" }, "labels.x");
  await update("layer2", { ...KEEP, q: "all" }, "labels");
  await update("layer2", {}, "parent");
  await update("nobody", { a: "b" });
  await list();
  await list("kind==view");
  await list("kind==active", "labels.x");
  await list("parent==layer2", "name==layer1");
  await list("labels.q==all,kind==committed");
  for (const key of ["c", "v0", "v1", "v2", "layer2", "layer1"]) await remove(key);
  await list();
}

test("overlayfs", async () => {
  const { genuine, ours } = await atBoth(peers, "snap-overlayfs", (recorder) =>
    script(recorder, "overlayfs"),
  );
  expect(ours).toEqual(genuine);
});

test("native: but for where the trees are, and words about a view that is committed", async () => {
  const { genuine, ours } = await atBoth(peers, "snap-native", (recorder) => script(recorder, "native"));
  const modest = (log: unknown[]) =>
    JSON.stringify(
      log.filter((entry) => !/^(modes|commit v1|mounts layer1)/.test(String((entry as unknown[])[0]))),
      undefined,
      1,
    ).replaceAll(/snapshots\/#\d+(\/fs)?/g, "TREE");
  expect(modest(ours)).toBe(modest(genuine));
});

test.each(["", "nobody's"])("a snapshotter that is not there: %p", async (snapshotter) => {
  const { genuine, ours } = await atBoth(peers, "none", async ({ channel, note }) => {
    const client = createClient(Snapshots, channel);
    await note("stat", () => client.stat({ snapshotter, key: "a" }));
    await note("list", () => collect(client.list({ snapshotter })));
  });
  expect(ours).toEqual(genuine);
});
