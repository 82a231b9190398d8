/**
 * An engine of the test's own: `skiffd` (with the `skiff-containerd` it starts) on private directories, bridge and subnet, and the two
 * command lines pointed at it. `await using engine = await startEngine()` removes everything again.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { cleanEnv, eventually, must, type Outcome, type ShellOptions, shell } from "./shell.ts";

export const DIST = resolve(process.env["SKIFF_DIST"] ?? "dist");
/** `SKIFF_TEST_ENGINE=dockerd` runs the same tests against the genuine engine: they must pass there too. */
const DAEMON = process.env["SKIFF_TEST_ENGINE"] ?? `${DIST}/skiffd`;
export const DOCKER = Bun.which("docker") ?? "docker";

export const CLIENTS = ["docker", "skiff"] as const;
export type ClientName = (typeof CLIENTS)[number];

export interface EngineOptions {
  /** More flags for skiffd. */
  readonly flags?: readonly string[];
  /** `none` where the test needs no network. */
  readonly network?: "bridge" | "none";
}

export interface Engine extends AsyncDisposable {
  readonly dir: string;
  readonly host: string;
  readonly bridge: string;
  /** First three numbers of the bridge's /24. */
  readonly subnet: string;
  run(client: ClientName, args: readonly string[], options?: ShellOptions): Promise<Outcome>;
  /** Runs and throws unless it exits 0; answers stdout without its last newline. */
  ok(client: ClientName, args: readonly string[], options?: ShellOptions): Promise<string>;
  argv(client: ClientName, args: readonly string[]): string[];
  daemonPid(): number;
  containerdPid(): number;
  /** SIGKILL, without giving it a chance to tidy up. */
  kill(which: "skiffd" | "containerd"): Promise<void>;
  /** Starts skiffd again on the same directories. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  log(): string;
}

function readPid(path: string): number {
  return Number.parseInt(readFileSync(path, "utf8").trim(), 10);
}

export function alive(pid: number): boolean {
  try {
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** SIGKILL and wait until the process is gone. */
export async function killHard(pid: number): Promise<void> {
  process.kill(pid, "SIGKILL");
  await eventually(`process ${pid} to die`, async () => !alive(pid));
}

/** Interface names have at most 15 bytes; a random number keeps parallel tests apart. */
function pickNetwork(): { bridge: string; subnet: string } {
  const bytes = crypto.getRandomValues(new Uint8Array(2));
  return {
    bridge: `sktest${Buffer.from(bytes).toString("hex")}`,
    subnet: `10.${180 + (bytes[0]! % 60)}.${bytes[1]}`,
  };
}

/** As for dockerd, a bridge named by `--bridge` is made by whoever starts the daemon. */
async function makeBridge(name: string, address: string): Promise<void> {
  await must(["ip", "link", "add", name, "type", "bridge"]);
  await must(["ip", "address", "add", address, "dev", name]);
  await must(["ip", "link", "set", name, "up"]);
}

export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const dir = mkdtempSync("/tmp/skiff-e2e-");
  const { bridge, subnet } = pickNetwork();
  const host = `unix://${dir}/skiffd.sock`;
  const network = ["--bridge", options.network === "none" ? "none" : bridge];
  if (options.network !== "none") await makeBridge(bridge, `${subnet}.1/24`);
  const env = { DOCKER_CONFIG: join(dir, "config") };
  const daemonArgv = [
    DAEMON,
    ...["-H", host, "--data-root", join(dir, "data"), "--exec-root", join(dir, "exec")],
    ...["--pidfile", join(dir, "skiffd.pid"), ...network, ...(options.flags ?? [])],
  ];
  const logPath = join(dir, "skiffd.log");
  const argv = (client: ClientName, args: readonly string[]) => [
    client === "docker" ? DOCKER : `${DIST}/skiff`,
    "-H",
    host,
    ...args,
  ];
  const run = (client: ClientName, args: readonly string[], more: ShellOptions = {}) =>
    shell(argv(client, args), { ...more, env: { ...env, ...more.env } });
  const start = async () => {
    const child = Bun.spawn(["/bin/sh", "-c", `exec "$@" >>${logPath} 2>&1`, "sh", ...daemonArgv], {
      env: cleanEnv(env),
      stdin: "ignore",
    });
    await eventually("skiffd to answer", async () => {
      if (child.exitCode !== null)
        throw new Error(`skiffd exited ${child.exitCode}:\n${readFileSync(logPath, "utf8")}`);
      return (await run("docker", ["version"])).code === 0;
    });
  };
  const daemonPid = () => readPid(join(dir, "skiffd.pid"));
  const containerdPid = () => readPid(join(dir, "exec/containerd/containerd.pid"));
  const stop = async () => {
    const pid = daemonPid();
    process.kill(pid, "SIGTERM");
    await eventually("skiffd to stop", async () => !alive(pid));
  };
  const engine: Engine = {
    ...{ dir, host, bridge, subnet, run, argv, daemonPid, containerdPid, stop },
    ok: async (client, args, more = {}) =>
      (await must(argv(client, args), { ...more, env: { ...env, ...more.env } })).replace(/\n$/, ""),
    kill: (which) => killHard(which === "skiffd" ? daemonPid() : containerdPid()),
    restart: start,
    log: () => readFileSync(logPath, "utf8"),
    [Symbol.asyncDispose]: () => dispose(engine),
  };
  await start();
  return engine;
}

/** Removes containers through the engine, stops it, then removes what only a broken engine would leave. */
async function dispose(engine: Engine): Promise<void> {
  if (!alive(engine.daemonPid())) await engine.restart();
  const ids = (await engine.ok("docker", ["ps", "-aq"])).split("\n").filter((id) => id !== "");
  if (ids.length > 0) await engine.ok("docker", ["rm", "-f", "-v", ...ids]);
  await engine.stop();
  await shell(["ip", "link", "del", engine.bridge]);
  // The genuine dockerd leaves its network namespaces mounted.
  if (DAEMON === "dockerd")
    await shell(["sh", "-c", `umount -l ${engine.dir}/exec/netns/* ${engine.dir}/data`]);
  rmSync(engine.dir, { recursive: true, force: true });
}
