/** What skiffd asks registries itself, against Debian's docker-registry with a password. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../lib/errors.ts";
import { parseReference } from "../../lib/reference.ts";
import type { Credentials } from "./credentials.ts";
import { inspectDistribution } from "./distribution.ts";
import { login, registryHost } from "./login.ts";
import type { ImageParts } from "./parts.ts";
import { searchImages } from "./search.ts";
import { listTags } from "./tags.ts";
import { run } from "./testing.ts";

const dir = mkdtempSync("/tmp/skiff-registry-");
const credentials: Credentials = { username: "me", password: "secret", identityToken: "", registryToken: "" };
const parts = { registries: { insecureRegistries: [], mirrors: [] } } as unknown as ImageParts;
let registry: Bun.Subprocess;
let host: string;
let digest: string;

async function startRegistry(): Promise<void> {
  const probe = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("") });
  host = `127.0.0.1:${probe.port}`;
  await probe.stop(true);
  mkdirSync(`${dir}/storage`);
  writeFileSync(
    `${dir}/htpasswd`,
    `me:${await Bun.password.hash("secret", { algorithm: "bcrypt", cost: 4 })}\n`,
  );
  const config = {
    version: "0.1",
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: `${dir}/storage` } },
    http: { addr: host },
    auth: { htpasswd: { realm: "test", path: `${dir}/htpasswd` } },
  };
  writeFileSync(`${dir}/config.yml`, JSON.stringify(config));
  const silent = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
  registry = Bun.spawn(["docker-registry", "serve", `${dir}/config.yml`], silent);
  for (let tries = 0; tries < 400; tries++) {
    const answer = await fetch(`http://${host}/v2/`).catch(() => undefined);
    if (answer !== undefined) break;
    await Bun.sleep(25);
  }
}

beforeAll(async () => {
  await startRegistry();
  const layout = join(dir, "layout");
  await run(["umoci", "init", "--layout", layout]);
  await run(["umoci", "new", "--image", `${layout}:1`]);
  for (const tag of ["1", "2"])
    await run([
      ...["skopeo", "copy", "-q", "--dest-tls-verify=false", "--dest-creds", "me:secret"],
      ...[`oci:${layout}:1`, `docker://${host}/a/b:${tag}`],
    ]);
  const raw = await run(["skopeo", "inspect", "--raw", `oci:${layout}:1`]);
  digest = `sha256:${new Bun.CryptoHasher("sha256").update(raw).digest("hex")}`;
}, 60_000);

afterAll(async () => {
  registry.kill();
  await registry.exited;
  rmSync(dir, { recursive: true, force: true });
});

test("what a name is, and which tags there are", async () => {
  const told = await inspectDistribution(parts, `${host}/a/b:1`, credentials);
  expect(told).toMatchObject({
    Descriptor: { digest, mediaType: "application/vnd.oci.image.manifest.v1+json" },
    Platforms: [{ architecture: "amd64", os: "linux" }],
  });
  const reference = parseReference(`${host}/a/b`);
  expect((await listTags({ reference, credentials }, parts.registries)).sort()).toEqual(["1", "2"]);
});

test("mirrors of docker.io come first, without credentials; one that is away is passed over", async () => {
  const seen: (string | null)[] = [];
  const mirror = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      seen.push(request.headers.get("authorization"));
      const headers = {
        authorization: `Basic ${btoa("me:secret")}`,
        accept: request.headers.get("accept") ?? "",
      };
      return fetch(`http://${host}${new URL(request.url).pathname}`, { headers });
    },
  });
  const mirrors = ["http://127.0.0.1:1", `http://127.0.0.1:${mirror.port}/`];
  const mirrored = { registries: { insecureRegistries: [], mirrors } } as unknown as ImageParts;
  const told = await inspectDistribution(mirrored, "a/b:1", credentials);
  await mirror.stop(true);
  expect(told).toMatchObject({ Descriptor: { digest }, Platforms: [{ architecture: "amd64", os: "linux" }] });
  expect(seen.every((authorization) => authorization === null)).toBe(true);
});

test("refusals", async () => {
  expect(await inspectDistribution(parts, `${host}/a/b:1`, undefined).catch(codeOf)).toBe("unauthenticated");
  await expect(inspectDistribution(parts, `${host}/a/b:9`, credentials)).rejects.toThrow(
    `manifest for ${host}/a/b:9 not found: manifest unknown: manifest unknown`,
  );
});

test("login", async () => {
  expect(await login(parts, host, credentials)).toEqual({ Status: "Login Succeeded", IdentityToken: "" });
  const wrong = login(parts, host, { ...credentials, password: "wrong" });
  await expect(wrong).rejects.toThrow("unauthorized: incorrect username or password");
  expect(registryHost("https://index.docker.io/v1/")).toBe("docker.io");
  expect(registryHost("http://127.0.0.1:5000/v2/")).toBe("127.0.0.1:5000");
  expect(() => registryHost("a b")).toThrow("invalid registry address");
});

test("search asks the older API and filters what it answers", async () => {
  const results = [
    { name: "a", star_count: 5, is_official: true, description: "x" },
    { name: "b", star_count: 1 },
    null,
  ];
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => Response.json({ results }) });
  const term = `127.0.0.1:${server.port}/a`;
  const found = await searchImages(parts, term, undefined, new Map([["stars", ["2"]]]));
  await server.stop(true);
  expect(found).toEqual([
    { star_count: 5, is_official: true, name: "a", is_automated: false, description: "x" },
  ]);
  await expect(searchImages(parts, "x", 101, new Map())).rejects.toThrow(
    "limit 101 is outside the range of [1, 100]",
  );
});
