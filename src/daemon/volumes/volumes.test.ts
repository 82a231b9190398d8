import { Database } from "bun:sqlite";
import { afterAll, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { linuxKernel } from "../../kernel/linux.ts";
import { systemClock } from "../../lib/clock.ts";
import { randomIds } from "../../lib/ids.ts";
import type { ContainerRecord } from "../containers/container.ts";
import { createEventLog } from "../events/log.ts";
import { matchesList, matchesPrune } from "./filters.ts";
import { createVolumes, type Volumes } from "./main.ts";
import { createVolumeMounts } from "./mount.ts";
import { treeBytes } from "./size.ts";
import { openVolumeTable } from "./store.ts";

const dataRoot = mkdtempSync("/tmp/skiff-volumes-");
afterAll(() => rmSync(dataRoot, { recursive: true, force: true }));

const database = new Database(":memory:");
let containers: ContainerRecord[] = [];
let volumes: Volumes;
const events = createEventLog(systemClock);

beforeEach(() => {
  containers = [];
  volumes = createVolumes({
    ...{ dataRoot, events, ids: randomIds, clock: systemClock, containers: () => containers },
    table: openVolumeTable(database),
    mounts: createVolumeMounts(linuxKernel),
  });
});

const NOTHING = { driver: "", options: null, labels: null };

function user(id: string, name: string, status = "running"): ContainerRecord {
  const mount = { type: "volume", name, destination: "/v", driver: "local", rw: true, propagation: "" };
  return { id, mounts: [mount], state: { status } } as unknown as ContainerRecord;
}

test("create, find again after a restart, remove", () => {
  const made = volumes.create({ ...NOTHING, name: "keep", labels: { a: "b" } });
  expect(volumes.create({ ...NOTHING, name: "keep" })).toBe(made);
  expect(openVolumeTable(database).get("keep")).toEqual(made);
  writeFileSync(`${volumes.pathOf("keep")}/file`, "12345");
  containers = [user("c1", "keep", "exited")];
  expect(() => volumes.remove("keep", true)).toThrow("remove keep: volume is in use - [c1]");
  containers = [];
  volumes.remove("keep", false);
  expect(existsSync(`${dataRoot}/volumes/keep`)).toBe(false);
  expect(() => volumes.remove("keep", false)).toThrow("get keep: no such volume");
  volumes.remove("keep", true);
  expect(events.kept().map(({ event }) => event.Action)).toEqual(["create", "destroy"]);
});

test.each([
  [{ name: "x" }, "create x: volume name is too short, names should be at least two alphanumeric characters"],
  [{ name: "../x" }, 'create ../x: "../x" includes invalid characters for a local volume name'],
  [{ name: "xy", driver: "nfs" }, 'create xy: error looking up volume plugin nfs: plugin "nfs" not found'],
  [{ name: "xy", options: { foo: "1" } }, 'create xy: invalid option: "foo"'],
  [{ name: "xy", options: { type: "tmpfs" } }, 'create xy: missing required option: "device"'],
  [{ name: "xy", options: { size: "1" } }, "create xy: quota size requested but no quota support"],
])("refused: %p", (request, words) => {
  expect(() => volumes.create({ ...NOTHING, ...request })).toThrow(words);
  expect(existsSync(`${dataRoot}/volumes/xy`)).toBe(false);
});

test("anonymous ones are pruned, named ones only with all", async () => {
  const { name, mountpoint } = await volumes.acquire("", "local", {}, {});
  expect(name).toMatch(/^[0-9a-f]{64}$/);
  expect(existsSync(mountpoint)).toBe(true);
  const named = volumes.create({ ...NOTHING, name: "named", labels: { tier: "a" } });
  expect(matchesPrune(volumes.get(name), new Map())).toBe(true);
  expect(matchesPrune(named, new Map())).toBe(false);
  expect(matchesPrune(named, new Map([["all", ["true"]]]))).toBe(true);
  expect(
    matchesPrune(
      named,
      new Map([
        ["all", ["1"]],
        ["label!", ["tier"]],
      ]),
    ),
  ).toBe(false);
  expect(
    matchesList(
      named,
      false,
      new Map([
        ["dangling", ["true"]],
        ["label", ["tier=a"]],
      ]),
    ),
  ).toBe(true);
  expect(matchesList(named, true, new Map([["dangling", ["true"]]]))).toBe(false);
  await volumes.discard(name);
  expect(existsSync(mountpoint)).toBe(false);
  volumes.remove("named", false);
});

test("a volume with options is mounted while containers use it", () => {
  const options = { type: "tmpfs", device: "tmpfs", o: "size=1m,mode=0750" };
  volumes.create({ ...NOTHING, name: "ram", options });
  const path = volumes.pathOf("ram");
  const mounted = () => readFileSync("/proc/self/mountinfo", "utf8").includes(` ${path} `);
  const [first, second] = [user("c1", "ram"), user("c2", "ram")];
  containers = [first, second];
  volumes.attach(first);
  volumes.attach(second);
  expect(mounted()).toBe(true);
  volumes.detach(first);
  expect(mounted()).toBe(true);
  containers = [{ ...first, state: { ...first.state, status: "exited" } }, second];
  volumes.detach(second);
  expect(mounted()).toBe(false);
  containers = [];
  volumes.remove("ram", false);
});

test("a volume that cannot be mounted says so", () => {
  volumes.create({ ...NOTHING, name: "bad", options: { type: "no-such-fs", device: "x" } });
  expect(() => volumes.attach(user("c1", "bad"))).toThrow("failed to mount local volume");
  volumes.remove("bad", false);
});

test("sizes: lengths of files, hard links once", async () => {
  const tree = mkdtempSync("/tmp/skiff-size-");
  writeFileSync(`${tree}/a`, "x".repeat(1000));
  Bun.spawnSync(["sh", "-c", "ln a b; mkdir d; printf 12345 >d/c; ln -s /etc d/l"], { cwd: tree });
  expect(await treeBytes(tree)).toBe(1000 + 5 + "/etc".length);
  rmSync(tree, { recursive: true });
});
