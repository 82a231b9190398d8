/** Images over the genuine containerd: found, shown, named, removed, saved, imported, committed. Needs root. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { codeOf } from "../../lib/errors.ts";
import { parseReference } from "../../lib/reference.ts";
import type { ContainerRecord } from "../containers/container.ts";
import { commitContainer } from "./commit.ts";
import { imageHistory } from "./history.ts";
import { importImage } from "./import.ts";
import { inspectImage } from "./inspect.ts";
import { listSummaries } from "./list.ts";
import { pruneImages } from "./prune.ts";
import { removeImage } from "./remove.ts";
import { findSaved, saveImages } from "./save.ts";
import { findImage, listImages } from "./store.ts";
import { tagImage, targetReference } from "./tag.ts";
import { run, startImages, type TestImages } from "./testing.ts";

let images: TestImages;
let dir: string;
let id: string;
const ALL = { all: false, filters: new Map(), sharedSize: false, manifests: false };
const KEEP = { force: false, noPrune: false };

/** An image `docker.io/library/tiny:1` of two layers, made by umoci. */
async function makeImage(): Promise<void> {
  const layout = `${dir}/layout`;
  await run(["umoci", "init", "--layout", layout]);
  await run(["umoci", "new", "--image", `${layout}:1`]);
  for (const name of ["one", "two"]) {
    mkdirSync(`${dir}/${name}`);
    writeFileSync(`${dir}/${name}/${name}`, name.repeat(1000));
    await run(["umoci", "insert", "--image", `${layout}:1`, `${dir}/${name}/${name}`, `/${name}`]);
  }
  await run([
    ...["umoci", "config", "--image", `${layout}:1`, "--config.cmd", "/one"],
    ...["--config.label", "color=blue", "--config.env", "A=1", "--config.exposedports", "80/tcp"],
  ]);
  await run([
    "skopeo",
    "copy",
    "-q",
    `oci:${layout}:1`,
    `oci-archive:${dir}/tiny.tar:docker.io/library/tiny:1`,
  ]);
  await images.ctr("image", "import", "--no-unpack", `${dir}/tiny.tar`);
}

beforeAll(async () => {
  images = await startImages();
  dir = images.dir;
  await makeImage();
  id = (await findImage(images.parts, "tiny:1")).target.digest;
}, 60_000);

afterAll(async () => {
  await images?.[Symbol.asyncDispose]();
});

const container = (change: object): ContainerRecord =>
  ({
    id: "c".repeat(64),
    name: "web",
    image: { id, reference: "tiny:1", platform: "linux/amd64", chainId: "" },
    config: { Image: "tiny:1", Cmd: ["/one"], Labels: {} },
    state: { status: "exited" },
    ...change,
  }) as unknown as ContainerRecord;

describe("finding", () => {
  test("by name, canonical name, digest, id and its beginning", async () => {
    const hex = id.slice(7);
    const texts = [
      "tiny:1",
      "docker.io/library/tiny:1",
      `tiny@${id}`,
      id,
      hex,
      hex.slice(0, 12),
      `sha256:${hex.slice(0, 9)}`,
    ];
    for (const text of texts) expect((await findImage(images.parts, text)).target.digest).toBe(id);
  });

  test("not found and not a name, in Docker's words", async () => {
    const message = (text: string) => findImage(images.parts, text).catch((error: Error) => error.message);
    expect(await message("tiny")).toBe("No such image: tiny:latest");
    expect(await message(`sha256:${"0".repeat(64)}`)).toBe(`No such image: sha256:${"0".repeat(64)}`);
    expect(await message("x/UPPER")).toStartWith(
      "invalid reference format: repository name (x/UPPER) must be lowercase",
    );
    expect(await message("")).toBe("invalid reference format");
  });
});

test("an image is made ready for a container: unpacked once, its defaults read", async () => {
  const ready = await images.source.forContainer("tiny:1", "");
  expect(ready.image).toMatchObject({ id, reference: "tiny:1", platform: "linux/amd64" });
  expect(ready.config).toEqual({
    Cmd: ["/one"],
    Env: ["A=1"],
    Labels: { color: "blue" },
    ExposedPorts: { "80/tcp": {} },
  });
  expect(await images.ctr("snapshots", "info", ready.image.chainId)).toContain("Committed");
  expect(await images.source.forContainer("tiny:1", "linux/amd64")).toEqual({ ...ready });
  const wrong = images.source.forContainer("tiny:1", "linux/s390x");
  await expect(wrong).rejects.toThrow(
    "image with reference tiny:1 was found but its platform (linux/amd64) does not match the specified platform (linux/s390x)",
  );
});

test("lists, with filters", async () => {
  const [tiny] = await listSummaries(images.parts, ALL);
  expect(tiny).toMatchObject({
    Id: id,
    RepoTags: ["tiny:1"],
    RepoDigests: [`tiny@${id}`],
    Labels: { color: "blue" },
  });
  expect(tiny!.Size).toBeGreaterThan(6000);
  const filtered = async (name: string, value: string) =>
    (await listSummaries(images.parts, { ...ALL, filters: new Map([[name, [value]]]) })).length;
  expect(await filtered("reference", "tin?")).toBe(1);
  expect(await filtered("reference", "*:2")).toBe(0);
  expect(await filtered("label", "color=blue")).toBe(1);
  expect(await filtered("label!", "color")).toBe(0);
  expect(await filtered("dangling", "true")).toBe(0);
  await expect(filtered("before", "nothing")).rejects.toThrow("No such image: nothing:latest");
});

test("inspects and tells the history", async () => {
  const image = await inspectImage(images.parts, "tiny:1", { platform: "", manifests: true });
  const raw = JSON.parse(await run(["skopeo", "inspect", "--config", `oci-archive:${dir}/tiny.tar`]));
  expect(image).toMatchObject({ Id: id, Os: "linux", Architecture: "amd64", Created: raw.created });
  expect(image["RootFS"]).toEqual({ Type: "layers", Layers: raw.rootfs.diff_ids });
  const history = await imageHistory(images.parts, "tiny:1", "");
  expect(history[0]).toMatchObject({ Id: id, Tags: ["tiny:1"] });
  expect(history.filter(({ Size }) => Size > 0)).toHaveLength(2);
  expect(history.at(-1)!.Id).toBe("<missing>");
});

test("names come and go; the last one takes the image with it unless a container is in the way", async () => {
  await tagImage(images.parts, "tiny:1", targetReference("again", "2"));
  expect(await removeImage(images.parts, "again:2", KEEP)).toEqual([{ Untagged: "again:2" }]);
  await tagImage(images.parts, "tiny:1", targetReference("again", ""));
  await expect(removeImage(images.parts, id, KEEP)).rejects.toThrow(
    `conflict: unable to delete ${id.slice(7, 19)} (must be forced) - image is referenced in multiple repositories`,
  );
  await removeImage(images.parts, "again", KEEP);
  images.containers.push(container({}));
  await expect(removeImage(images.parts, "tiny:1", KEEP)).rejects.toThrow(
    'conflict: unable to remove repository reference "tiny:1" (must force) - container cccccccccccc is using',
  );
  images.containers[0] = container({ state: { status: "running" } });
  await expect(removeImage(images.parts, id, { ...KEEP, force: true })).rejects.toThrow("(cannot be forced)");
  expect(await removeImage(images.parts, "tiny:1", { ...KEEP, force: true })).toEqual([
    { Untagged: "tiny:1" },
  ]);
  const [dangling] = await listSummaries(images.parts, ALL);
  expect(dangling).toMatchObject({ Id: id, RepoTags: [], RepoDigests: [], Containers: 1 });
  expect(await pruneImages(images.parts, new Map())).toEqual({ ImagesDeleted: null, SpaceReclaimed: 0 });
  images.containers.length = 0;
  await tagImage(images.parts, id, targetReference("tiny", "1"));
  expect((await listImages(images.parts)).map(({ name }) => name)).toEqual(["docker.io/library/tiny:1"]);
  const actions = images.events.map(({ action }) => action);
  expect(actions).toEqual(["tag", "untag", "tag", "untag", "untag", "prune", "tag"]);
});

test("saves what ctr, skopeo and the older docker format take", async () => {
  const path = `${dir}/saved.tar`;
  const writer = Bun.file(path).writer();
  const found = await findSaved(images.parts, ["tiny"], "");
  await saveImages(images.parts, found, async (bytes) => void writer.write(bytes));
  await writer.end();
  expect(await run(["tar", "-tf", path])).toContain("manifest.json");
  const copy = JSON.parse(await run(["skopeo", "inspect", `docker-archive:${path}:tiny:1`]));
  expect(copy.Layers).toHaveLength(2);
  await run(["skopeo", "inspect", `oci-archive:${path}`]);
  await images.ctr("image", "import", "--no-unpack", path);
});

test("imports a file system", async () => {
  const lines: object[] = [];
  const tar = Bun.spawn(["tar", "-C", dir, "-cf", "-", "one", "two"], { stdout: "pipe" }).stdout;
  const options = {
    ...{ source: "-", body: tar, message: "", platform: undefined, signal: new AbortController().signal },
    reference: parseReference("imported:3"),
    changes: ["CMD /one x", "ENV B=2 C='3 4'", "EXPOSE 80 90-91/udp"],
  };
  await importImage(images.parts, options, { line: (line) => void lines.push(line) });
  const image = await inspectImage(images.parts, "imported:3", { platform: "", manifests: false });
  expect(lines).toEqual([{ status: image["Id"] }]);
  expect(image["Comment"]).toBe("Imported from -");
  expect(image["Config"]).toEqual({
    Cmd: ["/bin/sh", "-c", "/one x"],
    Env: ["B=2", "C=3 4"],
    ExposedPorts: { "80/tcp": {}, "90/udp": {}, "91/udp": {} },
  });
  await removeImage(images.parts, "imported:3", KEEP);
});

test("commits a container's changes", async () => {
  const ready = await images.source.forContainer("tiny:1", "");
  const key = "d".repeat(64);
  await images.ctr("snapshots", "prepare", key, ready.image.chainId);
  const mount = `${dir}/mount`;
  mkdirSync(mount);
  await run(["sh", "-c", `$(ctr -a ${dir}/c.sock -n moby snapshots mounts ${mount} ${key})`]);
  writeFileSync(`${mount}/three`, "three");
  await run(["umount", mount]);
  images.containers.push(container({ id: key, image: ready.image }));
  const made = await commitContainer(images.parts, {
    ...{ container: key, comment: "saved", author: "me", pause: true, changes: ["LABEL x=y"], config: {} },
    reference: parseReference("made:1"),
  });
  images.containers.length = 0;
  const image = await inspectImage(images.parts, "made:1", { platform: "", manifests: false });
  expect(image).toMatchObject({
    Id: made,
    Parent: id,
    Comment: "saved",
    Author: "me",
    Config: { Labels: { x: "y" } },
  });
  const history = await imageHistory(images.parts, "made:1", "");
  expect(history.map(({ Id }) => Id).slice(0, 2)).toEqual([made, id]);
  await images.ctr("snapshots", "rm", key);
  expect((await removeImage(images.parts, "made:1", KEEP)).flatMap(Object.keys)).toEqual([
    "Untagged",
    "Deleted",
  ]);
});

test("prune takes what no container uses", async () => {
  const pruned = await pruneImages(images.parts, new Map([["dangling", ["false"]]]));
  expect(pruned.ImagesDeleted![0]).toEqual({ Untagged: "tiny:1" });
  expect(pruned.SpaceReclaimed).toBeGreaterThan(0);
  expect(await listImages(images.parts)).toEqual([]);
  const gone = await findImage(images.parts, "tiny:1").catch(codeOf);
  expect(gone).toBe("not_found");
});
