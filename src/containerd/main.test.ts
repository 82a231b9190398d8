/** The daemon as a process: one per root, started again under running containers, seen by genuine ctr. Needs root and busybox. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

const directory = mkdtempSync("/tmp/skiff-containerd-");
const address = `${directory}/c.sock`;
const rootfs = `${directory}/rootfs`;
let daemon: Bun.Subprocess<"ignore", "ignore", "pipe">;

function spawnDaemon(...more: string[]): Bun.Subprocess<"ignore", "ignore", "pipe"> {
  const flags = [
    "--address",
    address,
    "--root",
    `${directory}/root`,
    "--state",
    `${directory}/state`,
    ...more,
  ];
  const main = join(import.meta.dir, "../main.ts");
  return Bun.spawn([process.execPath, main, "skiff-containerd", ...flags], {
    stdout: "ignore",
    stderr: "pipe",
  });
}

async function startDaemon(): Promise<void> {
  daemon = spawnDaemon();
  for (let tries = 0; tries < 400 && (await run("ctr", "version")).code !== 0; tries++) await Bun.sleep(25);
}

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [program, ...rest] = args;
  const command = program === "ctr" ? ["ctr", "-a", address, ...rest] : args;
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
  const texts = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const code = await child.exited;
  const [out, err] = await texts;
  return { code, out, err };
}

beforeAll(async () => {
  for (const name of ["bin", "proc", "dev", "sys", "tmp"]) mkdirSync(join(rootfs, name), { recursive: true });
  copyFileSync("/bin/busybox", join(rootfs, "bin/busybox"));
  await startDaemon();
});

afterAll(async () => {
  daemon.kill("SIGTERM");
  expect(await daemon.exited).toBe(0);
  expect(existsSync(address)).toBe(false);
  rmSync(directory, { recursive: true });
});

test("the socket is for root and its group only; a second daemon on the root is refused by name", async () => {
  expect(statSync(address).mode & 0o777).toBe(0o660);
  const second = spawnDaemon("-a", `${address}.2`);
  expect(await second.exited).toBe(1);
  expect(await new Response(second.stderr).text()).toContain(
    `in use by another skiff-containerd (pid ${daemon.pid})`,
  );
});

/** Our own shim, in process, and the genuine one as a program: clients see no difference. */
describe.each([{ runtime: "io.containerd.skiff.v1" }, { runtime: "/usr/bin/containerd-shim-runc-v2" }])(
  "$runtime",
  ({ runtime }) => {
    const runWith = (flag: string, id: string, ...command: string[]) =>
      run("ctr", "run", flag, "--runtime", runtime, "--rootfs", rootfs, id, "/bin/busybox", ...command);

    test("ctr runs a container and gets output and exit status", async () => {
      expect(await runWith("--rm", "one", "echo", "hello")).toMatchObject({ code: 0, out: "hello\n" });
      expect((await runWith("--rm", "one", "sh", "-c", "exit 7")).code).toBe(7);
      expect(readdirSync(`${directory}/state/io.containerd.runtime.v2.task/default`)).toEqual([]);
    });

    test("a program that is not there is an error and leaves nothing", async () => {
      const missing = await run("ctr", "run", "--rm", "--runtime", runtime, "--rootfs", rootfs, "x", "/none");
      expect(missing.err).toContain("no such file or directory");
      expect(missing.code).not.toBe(0);
      expect(readdirSync(`${directory}/state/io.containerd.runtime.v2.task/default`)).toEqual([]);
    });

    test("a container outlives SIGKILL of its daemon", async () => {
      expect((await runWith("-d", "two", "sleep", "1000")).code).toBe(0);
      const before = (await run("ctr", "tasks", "ls")).out;
      daemon.kill("SIGKILL");
      await daemon.exited;
      await startDaemon();
      expect((await run("ctr", "tasks", "ls")).out).toBe(before);
      expect(
        (await run("ctr", "tasks", "exec", "--exec-id", "e", "two", "/bin/busybox", "echo", "in")).out,
      ).toBe("in\n");
      expect((await run("ctr", "tasks", "metrics", "two")).out).toContain("memory.");
      await run("ctr", "tasks", "pause", "two");
      expect((await run("ctr", "tasks", "ls")).out).toContain("PAUSED");
      await run("ctr", "tasks", "resume", "two");
      await run("ctr", "tasks", "rm", "-f", "two");
      expect((await run("ctr", "containers", "rm", "two")).code).toBe(0);
      expect((await run("ctr", "tasks", "ls", "-q")).out).toBe("");
    });
  },
);

test("a foreign shim that is killed takes its container along: the exit is told, nothing stays", async () => {
  const shim = ["--runtime", "/usr/bin/containerd-shim-runc-v2", "--rootfs", rootfs];
  const attached = run("ctr", "run", ...shim, "three", "/bin/busybox", "sleep", "1000");
  while ((await run("ctr", "tasks", "ls", "-q")).out !== "three\n") await Bun.sleep(20);
  const found = await run("pgrep", "-f", `containerd-shim-runc-v2 .*-id three .*${address}`);
  const pid = Number(found.out.trim());
  expect(pid).toBeGreaterThan(1);
  process.kill(pid, "SIGKILL");
  expect((await attached).code).not.toBe(0);
  expect((await run("ctr", "tasks", "ls", "-q")).out).toBe("");
  expect((await run("pgrep", "-f", "^/bin/busybox sleep 1000$")).out).toBe("");
  expect((await run("ctr", "containers", "rm", "three")).code).toBe(0);
});

test("a runtime that is not installed", async () => {
  const unknown = ["run", "--rm", "--runtime", "io.containerd.none.v1", "--rootfs", rootfs, "x", "/none"];
  expect((await run("ctr", ...unknown)).err).toContain(
    'runtime "io.containerd.none.v1" binary not installed',
  );
});
