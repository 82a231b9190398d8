/**
 * The scenario that every cell of the swap matrix runs: the day of one container, through whichever layers the cell names.
 *
 * It is written against observable behaviour only (stdout, exit codes, inspect), so that the same script judges any engine.
 */
import { expect } from "bun:test";
import type { ClientName, Engine } from "../harness/engine.ts";
import { eventually } from "../harness/shell.ts";

export interface Cell {
  readonly client: ClientName;
  /** A name skiffd knows: `skiff-runc`, or one given with `--add-runtime`. */
  readonly runtime: string;
}

const COUNT = "i=0; while true; do i=$((i+1)); echo line $i; sleep 0.05; done";

export async function playScenario(engine: Engine, cell: Cell, image: string): Promise<void> {
  const ok = (...args: string[]) => engine.ok(cell.client, args);
  const code = async (...args: string[]) => (await engine.run(cell.client, args)).code;
  const name = `day-${cell.client}-${cell.runtime}`;
  const runtime = ["--runtime", cell.runtime];

  await ok("pull", "-q", image);
  expect(await ok("images", "-q", image)).not.toBe("");

  expect(await ok("run", "--rm", ...runtime, image, "echo", "hello")).toBe("hello");
  expect(await code("run", "--rm", ...runtime, image, "sh", "-c", "exit 7")).toBe(7);
  expect(await code("run", "--rm", ...runtime, image, "no-such-program")).toBe(127);
  expect(await code("run", "--rm", ...runtime, image, "/etc/passwd")).toBe(126);
  const fed = await engine.run(cell.client, ["run", "-i", "--rm", ...runtime, image, "tr", "a-z", "A-Z"], {
    stdin: "abc\n",
  });
  expect(fed).toEqual({ stdout: "ABC\n", stderr: "", code: 0 });

  await ok(
    "run",
    "-d",
    "--name",
    name,
    ...runtime,
    "-m",
    "64m",
    "--pids-limit",
    "50",
    image,
    "sh",
    "-c",
    COUNT,
  );
  await eventually("output", async () => (await ok("logs", name)).includes("line 3"));
  expect(await ok("inspect", "-f", "{{.State.Status}} {{.HostConfig.Runtime}}", name)).toBe(
    `running ${cell.runtime}`,
  );
  expect(await ok("exec", name, "cat", "/proc/1/comm")).toBe("sh");
  expect(await code("exec", name, "sh", "-c", "exit 9")).toBe(9);
  expect(await ok("ps", "--filter", `name=${name}`, "--format", "{{.Names}}")).toBe(name);

  await ok("restart", "-t", "0", name);
  expect(await ok("inspect", "-f", "{{.State.Running}}", name)).toBe("true");
  await survivesDaemonDeath(engine, cell, name);

  await ok("kill", "-s", "KILL", name);
  expect(await ok("wait", name)).toBe("137");
  await ok("start", name);
  await ok("stop", "-t", "0", name);
  expect(await ok("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", name)).toBe("exited 137");
  await ok("rm", "-v", name);
  expect(await code("inspect", name)).toBe(1);
  expect(await ok("ps", "-aq", "--filter", `name=${name}`)).toBe("");
}

/** Kills a layer while the container writes; its output and its process go on. */
async function survivesDaemonDeath(engine: Engine, cell: Cell, name: string): Promise<void> {
  const ok = (...args: string[]) => engine.ok(cell.client, args);
  const pid = await ok("inspect", "-f", "{{.State.Pid}}", name);
  await engine.kill("skiffd");
  await engine.kill("containerd");
  await engine.restart();
  expect(await ok("inspect", "-f", "{{.State.Status}} {{.State.Pid}}", name)).toBe(`running ${pid}`);
  const before = (await ok("logs", name)).split("\n").length;
  await eventually("more output", async () => (await ok("logs", name)).split("\n").length > before);
}
