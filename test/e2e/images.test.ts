/** What arrives is what was packed: every format and odd entry, compared with umoci's unpacking of the same image. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { CLIENTS, type Engine, startEngine } from "../harness/engine.ts";
import { busyboxLayout, debianLayout, push } from "../harness/images.ts";
import { type Registry, startRegistry } from "../harness/registry.ts";
import { must } from "../harness/shell.ts";

let engine: Engine;
let registry: Registry;
beforeAll(async () => {
  registry = await startRegistry();
  engine = await startEngine({ network: "none" });
}, 300_000);
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
}, 60_000);

/** Names, types, modes, owners, times, links, device numbers and xattrs of everything below `odd/`, one line each. */
const CENSUS = `cd "$1" && find . ! -type d -printf '%p %y %m %U %G %Ts %n %l\\n' | sort
  find . -type d -printf '%p %m %U %G %Ts\\n' | sort
  find . \\( -type c -o -type b \\) -exec stat -c '%n %t:%T' {} + | sort
  getfattr -R -h -d -m 'user\\.|security\\.' . 2>/dev/null; md5sum opaque/new link-a owned second`;

describe.each([
  { format: "oci", options: ["--format", "oci"] },
  { format: "docker v2 schema 2", options: ["--format", "v2s2"] },
  { format: "oci with zstd layers", options: ["--format", "oci", "--dest-compress-format", "zstd"] },
])("$format", ({ format, options }) => {
  test("unpacks as umoci does", async () => {
    const layout = await debianLayout();
    const image = await push(layout, `${registry.name}/odd:${format.replaceAll(" ", "-")}`, ...options);
    await engine.ok("docker", ["pull", "-q", image]);
    const bundle = join(engine.dir, `umoci-${format.replaceAll(" ", "-")}`);
    await must(["umoci", "unpack", "--keep-dirlinks", "--image", `${layout}:latest`, bundle]);
    const expected = await must(["sh", "-c", CENSUS, "sh", join(bundle, "rootfs/odd")]);
    const run = ["run", "--rm", "--network", "none", image, "sh", "-c", CENSUS, "sh", "/odd"];
    expect((await engine.ok("docker", run)).split("\n")).toEqual(expected.trimEnd().split("\n"));
    await engine.ok("docker", ["rmi", image]);
  });
});

test("an index is resolved for this machine's platform", async () => {
  const image = `${registry.name}/index:latest`;
  const layout = await busyboxLayout();
  await push(layout, `${registry.name}/index:plain`);
  const raw = await must([
    "skopeo",
    "inspect",
    "--raw",
    "--tls-verify=false",
    `docker://${registry.name}/index:plain`,
  ]);
  const digest = `sha256:${new Bun.CryptoHasher("sha256").update(raw).digest("hex")}`;
  const descriptor = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size: raw.length };
  const foreign = {
    ...descriptor,
    digest: `sha256:${"0".repeat(64)}`,
    platform: { os: "linux", architecture: "s390x" },
  };
  const native = {
    ...descriptor,
    platform: { os: "linux", architecture: process.arch === "x64" ? "amd64" : "arm64" },
  };
  const type = "application/vnd.oci.image.index.v1+json";
  const index = JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [native] });
  const put = await fetch(`http://${registry.name}/v2/index/manifests/latest`, {
    method: "PUT",
    headers: { "content-type": type },
    body: index,
  });
  expect(put.status).toBe(201);
  expect(foreign.platform.architecture).toBe("s390x");
  await engine.ok("docker", ["pull", "-q", image]);
  expect(await engine.ok("docker", ["run", "--rm", "--network", "none", image, "echo", "native"])).toBe(
    "native",
  );
});

describe.each([...CLIENTS])("%s", (client) => {
  test("loads docker and OCI archives, lists, tags and removes", async () => {
    const layout = await busyboxLayout();
    const dir = join(engine.dir, `archives-${client}`);
    mkdirSync(dir);
    await must([
      "skopeo",
      "copy",
      "--quiet",
      `oci:${layout}:latest`,
      `docker-archive:${dir}/docker.tar:loaded/docker:1`,
    ]);
    await must([
      "skopeo",
      "copy",
      "--quiet",
      `oci:${layout}:latest`,
      `oci-archive:${dir}/oci.tar:loaded/oci:1`,
    ]);
    expect(await engine.ok(client, ["load", "-i", `${dir}/docker.tar`])).toContain(
      "Loaded image: loaded/docker:1",
    );
    expect(await engine.ok(client, ["load", "-i", `${dir}/oci.tar`])).toContain("Loaded image: loaded/oci:1");
    for (const name of ["loaded/docker:1", "loaded/oci:1"]) {
      expect(await engine.ok(client, ["run", "--rm", "--network", "none", name, "echo", "works"])).toBe(
        "works",
      );
      expect(await engine.ok(client, ["images", "--format", "{{.Repository}}:{{.Tag}}", name])).toBe(name);
    }
    await engine.ok(client, ["tag", "loaded/oci:1", "loaded/again:2"]);
    expect(await engine.ok(client, ["rmi", "loaded/again:2"])).toContain("Untagged: loaded/again:2");
    expect(await engine.ok(client, ["rmi", "loaded/oci:1"])).toContain("Untagged: loaded/oci:1");
    await engine.ok(client, ["rmi", "loaded/docker:1"]);
    expect(await engine.ok(client, ["images", "-q", "loaded/docker"])).toBe("");
  });
});
