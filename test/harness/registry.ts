/** Debian's `docker-registry` on a free loopback port, with storage of the test's own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { eventually } from "./shell.ts";

export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:PORT`, the prefix of its images. */
  readonly name: string;
  /** Where the blobs lie, for tests that spoil one. */
  readonly storage: string;
  stop(): Promise<void>;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** `user`: only this one is let in. */
export async function startRegistry(user?: {
  readonly name: string;
  readonly password: string;
}): Promise<Registry> {
  const dir = mkdtempSync("/tmp/skiff-registry-");
  const storage = join(dir, "storage");
  mkdirSync(storage);
  const port = await freePort();
  const path = join(dir, "htpasswd");
  if (user !== undefined) {
    const hash = await Bun.password.hash(user.password, { algorithm: "bcrypt", cost: 4 });
    writeFileSync(path, `${user.name}:${hash.replace(/^\$2b/, "$2y")}\n`);
  }
  const config = {
    ...(user === undefined ? {} : { auth: { htpasswd: { realm: "test", path } } }),
    version: "0.1",
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}` },
  };
  writeFileSync(join(dir, "config.yml"), JSON.stringify(config));
  const child = Bun.spawn(["docker-registry", "serve", join(dir, "config.yml")], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  const stop = async () => {
    child.kill();
    await child.exited;
  };
  await eventually("docker-registry to answer", async () => {
    if (child.exitCode !== null) throw new Error(`docker-registry exited ${child.exitCode}`);
    const answer = await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined);
    return answer?.status === (user === undefined ? 200 : 401);
  });
  return {
    name: `127.0.0.1:${port}`,
    storage,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
