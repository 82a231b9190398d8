/**
 * Crash-only: skiffd and skiff-containerd are killed with SIGKILL, in any order and at any time, while containers write, one runs under a
 * tty and one exits in between. Afterwards everything Docker promises about them is still true.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { alive, type Engine, startEngine } from "../harness/engine.ts";
import { busyboxArchive } from "../harness/images.ts";
import { eventually } from "../harness/shell.ts";

const ROUNDS = ["skiffd", "containerd", "both", "skiffd first", "containerd first"] as const;
const LINES = 3000;

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  await engine.ok("docker", ["load", "-i", await busyboxArchive()]);
}, 120_000);
afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

const ok = (...args: string[]) => engine.ok("docker", args);

async function killRound(round: (typeof ROUNDS)[number]): Promise<void> {
  if (round === "both") {
    process.kill(engine.daemonPid(), "SIGSTOP");
    await engine.kill("containerd");
    await engine.kill("skiffd");
  }
  if (round.startsWith("skiffd")) await engine.kill("skiffd");
  if (round.startsWith("containerd")) await engine.kill("containerd");
  await Bun.sleep(Math.random() * 300);
  if (round === "skiffd first") await engine.kill("containerd");
  if (round === "containerd first" && alive(engine.daemonPid())) await engine.kill("skiffd");
  if (!alive(engine.daemonPid())) await engine.restart();
  await eventually(
    "the engine to answer for tasks",
    async () => (await engine.run("docker", ["exec", "tty", "true"])).code === 0,
  );
}

test.each([...ROUNDS])("%s", async (round) => {
  const writer = `i=0; while [ $i -lt ${LINES} ]; do i=$((i+1)); echo "line $i of the writer"; [ $((i % 50)) -eq 0 ] && sleep 0.02; done; sleep 1000`;
  await ok("run", "-d", "--name", "writer", "busybox", "sh", "-c", writer);
  await ok("run", "-d", "-t", "--name", "tty", "busybox", "sh");
  await ok("run", "-d", "--name", "brief", "busybox", "sh", "-c", "sleep 0.3; echo last words; exit 33");
  const pid = await ok("inspect", "-f", "{{.State.Pid}}", "writer");

  await killRound(round);

  expect((await ok("ps", "-a", "--format", "{{.Names}}")).split("\n").sort()).toEqual([
    "brief",
    "tty",
    "writer",
  ]);
  expect(await ok("inspect", "-f", "{{.State.Pid}}", "writer")).toBe(pid);
  expect(await ok("wait", "brief")).toBe("33");
  expect(await ok("logs", "brief")).toBe("last words");
  expect(await ok("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "brief")).toBe("exited 33");
  const expected = Array.from({ length: LINES }, (_, i) => `line ${i + 1} of the writer`);
  await eventually(
    "the last line",
    async () => (await ok("logs", "--tail", "1", "writer")) === expected.at(-1),
  );
  expect((await ok("logs", "writer")).split("\n")).toEqual(expected);
  expect(await ok("exec", "tty", "sh", "-c", "echo inside; exit 0")).toBe("inside");
  expect((await engine.run("docker", ["exec", "writer", "sh", "-c", "exit 8"])).code).toBe(8);
  await ok("stop", "-t", "0", "writer", "tty");
  expect(await ok("inspect", "-f", "{{.State.ExitCode}}", "writer")).toBe("137");
  expect(alive(Number(pid))).toBe(false);
  await ok("rm", "writer", "tty", "brief");
});

test("a container that was being started when everything died is not half there", async () => {
  const starting = engine.run("docker", ["run", "-d", "--name", "half", "busybox", "sleep", "1000"]);
  await Bun.sleep(15);
  await engine.kill("skiffd");
  await engine.kill("containerd");
  await starting;
  await engine.restart();
  const status = (await engine.run("docker", ["inspect", "-f", "{{.State.Status}}", "half"])).stdout.trim();
  expect(["", "created", "running", "exited"]).toContain(status);
  await engine.run("docker", ["rm", "-f", "half"]);
  expect(await engine.ok("docker", ["run", "--rm", "--name", "half", "busybox", "echo", "whole"])).toBe(
    "whole",
  );
});
