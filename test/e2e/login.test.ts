/** Names and passwords for a registry: kept by `login`, used by push and pull, forgotten by `logout`; in config.json or by a credential helper. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CLIENTS, type Engine, startEngine } from "../harness/engine.ts";
import { busyboxArchive } from "../harness/images.ts";
import { type Registry, startRegistry } from "../harness/registry.ts";

let engine: Engine;
let registry: Registry;

beforeAll(async () => {
  registry = await startRegistry({ name: "joe", password: "secret" });
  engine = await startEngine({ network: "none" });
  await engine.ok("docker", ["load", "-i", await busyboxArchive()]);
}, 120_000);

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
}, 60_000);

/** Keeps what it is given in the file `kept` beside it, as a real one would in a keychain. */
const HELPER = `#!/bin/sh
kept="$(dirname "$0")/kept"
case "$1" in
  store) cat >"$kept" ;;
  get) cat >/dev/null; if [ -f "$kept" ]; then cat "$kept"; else echo "credentials not found in native keychain"; exit 1; fi ;;
  erase) cat >/dev/null; rm -f "$kept" ;;
esac
`;

describe.each([...CLIENTS])("%s", (client) => {
  const setUp = (config: object) => {
    const dir = join(engine.dir, `config-${client}`);
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir);
    writeFileSync(join(dir, "config.json"), JSON.stringify(config));
    writeFileSync(join(dir, "docker-credential-test"), HELPER);
    chmodSync(join(dir, "docker-credential-test"), 0o755);
    const env = { DOCKER_CONFIG: dir, PATH: `${dir}:${process.env["PATH"]}` };
    const run = (args: readonly string[], stdin = "") => engine.run(client, args, { env, stdin });
    const read = () => JSON.parse(readFileSync(join(dir, "config.json"), "utf8")) as Record<string, unknown>;
    return { dir, run, read };
  };

  test("config.json", async () => {
    const image = `${registry.name}/open-${client}:1`;
    const { run, read } = setUp({ HttpHeaders: { "X-Kept": "yes" } });
    expect((await run(["tag", "busybox", image])).code).toBe(0);
    const denied = await run(["push", image]);
    expect([denied.code, denied.stderr]).toEqual([1, "denied: requested access to the resource is denied\n"]);
    const wrong = await run(["login", "-u", "joe", "--password-stdin", registry.name], "wrong\n");
    expect([wrong.code, wrong.stdout]).toEqual([1, ""]);
    expect(wrong.stderr).toContain("unauthorized");
    expect(read()["auths"]).toBeUndefined();
    const right = await run(["login", "-u", "joe", "--password-stdin", registry.name], "secret\n");
    expect([right.code, right.stdout]).toEqual([0, "Login Succeeded\n"]);
    expect(right.stderr).toContain("Your credentials are stored unencrypted");
    const auth = Buffer.from("joe:secret").toString("base64");
    expect(read()).toEqual({ auths: { [registry.name]: { auth } }, HttpHeaders: { "X-Kept": "yes" } });
    const again = await run(["login", registry.name]);
    expect(again.stderr).toContain("Authenticating with existing credentials... [Username: joe]");
    expect((await run(["push", "-q", image])).stdout).toBe(`${image}\n`);
    expect((await run(["pull", "-q", image])).stdout).toBe(`${image}\n`);
    expect((await run(["logout", registry.name])).stdout).toBe(
      `Removing login credentials for ${registry.name}\n`,
    );
    expect(read()).toEqual({ auths: {}, HttpHeaders: { "X-Kept": "yes" } });
    expect((await run(["pull", "-q", image])).code).toBe(1);
    await run(["rmi", image]);
  }, 60_000);

  test("a credential helper", async () => {
    const image = `${registry.name}/helped-${client}:1`;
    const { dir, run, read } = setUp({ credsStore: "test" });
    const right = await run(["login", "-u", "joe", "--password-stdin", registry.name], "secret");
    expect([right.code, right.stdout, right.stderr]).toEqual([0, "Login Succeeded\n", ""]);
    expect(read()).toEqual({ auths: { [registry.name]: {} }, credsStore: "test" });
    expect(JSON.parse(readFileSync(join(dir, "kept"), "utf8"))).toEqual({
      ...{ ServerURL: registry.name, Username: "joe", Secret: "secret" },
    });
    await run(["tag", "busybox", image]);
    expect((await run(["push", "-q", image])).stdout).toBe(`${image}\n`);
    expect((await run(["logout", registry.name])).code).toBe(0);
    expect((await run(["push", "-q", image])).code).toBe(1);
    await run(["rmi", image]);
  }, 60_000);
});
