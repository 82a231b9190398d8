/** Every docker command about images, against a real registry. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CLIENTS, type Engine, startEngine } from "../harness/engine.ts";
import { busyboxLayout, push } from "../harness/images.ts";
import { type Registry, startRegistry } from "../harness/registry.ts";
import { must } from "../harness/shell.ts";

let engine: Engine;
let registry: Registry;
let image: string;
beforeAll(async () => {
  registry = await startRegistry();
  engine = await startEngine({ network: "none" });
  image = await push(await busyboxLayout(), `${registry.name}/box:1`);
  await push(await busyboxLayout(), `${registry.name}/box:2`);
}, 300_000);
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
}, 60_000);

const api = async (path: string, init: { method?: string; headers?: Record<string, string> } = {}) =>
  fetch(`http://docker${path}`, { ...init, unix: engine.host.slice("unix://".length) });

interface Line {
  readonly status?: string;
  readonly id?: string;
}

test("pull tells what dockerd tells, in its order", async () => {
  const answer = await api(`/images/create?fromImage=${registry.name}/box&tag=1`, { method: "POST" });
  const lines = (await answer.text())
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  expect(lines[0]).toEqual({ status: "Pulling from box", id: "1" });
  const layer = lines.filter(({ id }) => id !== undefined && id !== "1");
  expect(layer[0]!.status).toBe("Pulling fs layer");
  expect(layer.map(({ status }) => status)).toContain("Download complete");
  expect(layer.at(-1)!.status).toBe("Pull complete");
  expect(new Set(layer.map(({ id }) => id!.length))).toEqual(new Set([12]));
  expect(lines.at(-2)!.status).toMatch(/^Digest: sha256:[0-9a-f]{64}$/);
  expect(lines.at(-1)).toEqual({ status: `Status: Downloaded newer image for ${image}` });
  const again = await (
    await api(`/images/create?fromImage=${registry.name}/box&tag=1`, { method: "POST" })
  ).text();
  expect(again).toContain(`Status: Image is up to date for ${image}`);
  const missing = await api(`/images/create?fromImage=${registry.name}/box&tag=none`, { method: "POST" });
  expect(missing.status).toBe(404);
  expect(await missing.json()).toEqual({
    message: `manifest for ${registry.name}/box:none not found: manifest unknown: manifest unknown`,
  });
  await engine.ok("docker", ["rmi", image]);
});

test("a tag that has moved leaves the old image without a name", async () => {
  const moving = `${registry.name}/moving:1`;
  await push(await busyboxLayout(), moving);
  await engine.ok("docker", ["pull", "-q", moving]);
  const old = await engine.ok("docker", ["inspect", "-f", "{{.Id}}", moving]);
  const raw = await must(["skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${moving}`]);
  const here = { mediaType: JSON.parse(raw).mediaType, digest: old, size: raw.length };
  const architecture = process.arch === "x64" ? "amd64" : "arm64";
  const there = { ...here, digest: old, platform: { os: "linux", architecture: "s390x" } };
  const manifests = [{ ...here, platform: { os: "linux", architecture } }, there];
  const type = "application/vnd.oci.image.index.v1+json";
  // The registry wants what an index names; another platform's name for the same manifest will do for it, not for us.
  const body = JSON.stringify({ schemaVersion: 2, mediaType: type, manifests });
  const url = `http://${registry.name}/v2/moving/manifests/1`;
  expect((await fetch(url, { method: "PUT", headers: { "content-type": type }, body })).status).toBe(201);
  expect(await engine.ok("docker", ["pull", moving])).toContain("Status: Downloaded newer image for");
  const now = await engine.ok("docker", ["inspect", "-f", "{{.Id}}", moving]);
  expect(now).toBe(`sha256:${new Bun.CryptoHasher("sha256").update(body).digest("hex")}`);
  expect(await engine.ok("docker", ["images", "-f", "dangling=true", "-q", "--no-trunc"])).toBe(old);
  await engine.ok("docker", ["image", "prune", "-f"]);
  expect(await engine.ok("docker", ["run", "--rm", "--network", "none", moving, "echo", "still"])).toBe(
    "still",
  );
  await engine.ok("docker", ["rmi", moving]);
}, 60_000);

describe.each([...CLIENTS])("%s", (client) => {
  const ok = (...args: string[]) => engine.ok(client, args);
  const run = (...args: string[]) => engine.run(client, args);

  test("pull, inspect, history, push, pull all tags", async () => {
    expect(await ok("pull", "-q", image)).toBe(image);
    const id = await ok("inspect", "-f", "{{.Id}}", image);
    const digest = await ok("inspect", "-f", "{{index .RepoDigests 0}}", image);
    expect(digest).toBe(`${registry.name}/box@${id}`);
    expect(await ok("inspect", "-f", "{{json .Config.Cmd}}", id.slice(7, 19))).toBe('["sh"]');
    expect((await ok("history", "-q", image)).split("\n")).toHaveLength(2);
    const pushed = `${registry.name}/pushed-${client}:3`;
    await ok("tag", image, pushed);
    const output = await ok("push", pushed);
    expect(output).toContain(`The push refers to repository [${registry.name}/pushed-${client}]`);
    expect(output).toContain(`3: digest: ${id} size: `);
    const raw = await must(["skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${pushed}`]);
    expect(`sha256:${new Bun.CryptoHasher("sha256").update(raw).digest("hex")}`).toBe(id);
    await ok("pull", "-q", "-a", `${registry.name}/box`);
    expect((await ok("images", "--format", "{{.Tag}}", `${registry.name}/box`)).split("\n").sort()).toEqual([
      "1",
      "2",
    ]);
    const told = await (await api(`/distribution/${registry.name}/box:1/json`)).json();
    expect(told).toMatchObject({ Descriptor: { digest: id } });
    await ok("rmi", pushed, `${registry.name}/box:2`, digest);
    expect(await ok("images", "-q")).toBe("");
  });

  test("save and load bring back what was there", async () => {
    await ok("pull", "-q", image);
    await ok("tag", image, "kept:1");
    await ok("tag", image, "kept:2");
    const id = await ok("inspect", "-f", "{{.Id}}", image);
    const path = join(engine.dir, `kept-${client}.tar`);
    await ok("save", "-o", path, "kept", image);
    await ok("rmi", "-f", id);
    expect(await ok("images", "-q")).toBe("");
    const loaded = (await ok("load", "-i", path)).split("\n").sort();
    expect(loaded).toEqual([`Loaded image: ${image}`, "Loaded image: kept:1", "Loaded image: kept:2"].sort());
    expect(await ok("inspect", "-f", "{{.Id}}", "kept:2")).toBe(id);
    await ok("save", "-o", path, id);
    await ok("rmi", "-f", id);
    expect(await ok("load", "-i", path)).toBe(`Loaded image ID: ${id}`);
    expect(await ok("images", "-f", "dangling=true", "-q", "--no-trunc")).toBe(id);
    expect(await ok("run", "--rm", "--network", "none", id, "echo", "back")).toBe("back");
    await ok("image", "prune", "-f");
    expect(await ok("images", "-qa")).toBe("");
  });

  test("an image in use, and its conflicts", async () => {
    await ok("pull", "-q", image);
    const id = await ok("create", "--network", "none", image, "true");
    const refused = await run("rmi", image);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      `conflict: unable to remove repository reference "${image}" (must force) - container ${id.slice(0, 12)} is using its referenced image`,
    );
    expect(await ok("rmi", "-f", image)).toBe(`Untagged: ${image}`);
    await ok("rm", id);
    await ok("image", "prune", "-f");
    expect(await ok("images", "-qa")).toBe("");
  });

  test("commit and import", async () => {
    await ok("pull", "-q", image);
    const id = await ok("create", "--network", "none", image, "sh", "-c", "echo made >/made");
    await ok("start", "-a", id);
    const made = await ok("commit", "-c", 'CMD ["cat","/made"]', "-m", "why", id, "made:1");
    expect(await ok("run", "--rm", "--network", "none", "made:1")).toBe("made");
    expect(await ok("inspect", "-f", "{{.Id}} {{.Comment}}", "made:1")).toBe(`${made} why`);
    await ok("rm", id);
    const file = join(engine.dir, "imported");
    writeFileSync(file, "imported");
    const tar = join(engine.dir, `root-${client}.tar`);
    await must(["tar", "-C", engine.dir, "-cf", tar, "imported"]);
    const imported = await ok("import", "-c", "ENV A=1", tar, "imported:1");
    expect(await ok("inspect", "-f", "{{.Id}} {{.Config.Env}}", "imported:1")).toBe(`${imported} [A=1]`);
    await ok("rmi", "imported:1", "made:1", image);
    expect(await ok("images", "-qa")).toBe("");
  });
});
