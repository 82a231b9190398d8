import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { FRAME } from "../contracts/shim/stdio.ts";
import type { CreateTask, ProcessRef, TaskEvent, TaskService } from "../contracts/shim/task.ts";
import { attach, type Bench, logEntries } from "./testing.ts";

const SIGKILL = 9;

function init(id: string): ProcessRef {
  return { namespace: "test", id, execId: "" };
}

/** Creates and starts tasks in a process of its own, which is then killed with SIGKILL. */
async function startAndDie(
  bench: Bench,
  runtimeModule: string,
  requests: readonly CreateTask[],
  body = "",
): Promise<void> {
  const script = join(bench.directory, "victim.ts");
  const testing = resolve(import.meta.dir, "testing.ts");
  const source = `
    import { createService } from ${JSON.stringify(testing)};
    const runtime = ${runtimeModule === "" ? "{}" : `await import(${JSON.stringify(runtimeModule)})`};
    const service = createService(${JSON.stringify(bench.directory)}, runtime.createRuntime);
    for (const request of ${JSON.stringify(requests)}) {
      await service.create(request);
      await service.start({ namespace: request.namespace, id: request.id, execId: "" });
    }
    ${body}
    console.log("ready");
    setInterval(() => {}, 1000);
  `;
  writeFileSync(script, source);
  const victim = Bun.spawn([process.execPath, script], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const bytes of victim.stdout) if (Buffer.from(bytes).includes("ready")) break;
  victim.kill(SIGKILL);
  await victim.exited;
}

/** What must hold when the process of a Task service is killed. `runtimeModule`: where the one in process comes from, or "". */
export function describeRecovery(runtime: string, createBench: () => Bench, runtimeModule: string): void {
  describe(`the process of the Task service over ${runtime} is killed`, () => {
    let bench: Bench;
    beforeAll(() => {
      bench = createBench();
    });
    afterAll(() => {
      expect(readdirSync(`${bench.directory}/state/test`)).toEqual([]);
      bench.close();
    });

    /** A service of another life, and what it told while recovering. */
    async function revive(): Promise<{ service: TaskService; events: TaskEvent[] }> {
      const service = bench.reopen();
      const events: TaskEvent[] = [];
      service.onEvent((event) => void events.push(event));
      await service.recover();
      return { service, events };
    }

    test("a writing container goes on; its log is whole and in order, its exit code kept", async () => {
      const script = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo $i; done; read x; exit 42";
      await startAndDie(bench, runtimeModule, [
        bench.task("writer", script, { stdio: bench.supervised("writer") }),
      ]);
      const { service, events } = await revive();
      expect(events).toEqual([]);
      expect((await service.state(init("writer"))).status).toBe("running");
      const client = await attach(`${bench.directory}/writer.sock`);
      client.send(FRAME.stdin, "\n");
      expect((await service.wait(init("writer"))).exitStatus).toBe(42);
      await service.delete(init("writer"));
      expect(logEntries(bench.log("writer")).map(([, text]) => Number(text))).toEqual(
        Array.from({ length: 3000 }, (_, i) => i + 1),
      );
    });

    test("an exit that nobody heard is told once", async () => {
      const go = join(bench.directory, "rootfs/tmp/go");
      const script = "while [ ! -e /tmp/go ]; do sleep 0.02; done; exit 5";
      await startAndDie(bench, runtimeModule, [bench.task("missed", script)]);
      writeFileSync(go, "");
      while (!existsSync(`${bench.directory}/state/test/missed/skiff/init/exit`)) await Bun.sleep(10);
      const { service, events } = await revive();
      expect(events).toMatchObject([{ topic: "/tasks/exit", id: "missed", exit: { exitStatus: 5 } }]);
      expect((await revive()).events).toEqual([]);
      expect(await service.state(init("missed"))).toMatchObject({ status: "stopped", exitStatus: 5 });
      await service.delete(init("missed"));
    });

    test("terminal, exec, kill and pause work after the restart", async () => {
      const tty = bench.task("tty", "while read x; do echo got $x; done", {
        stdio: bench.supervised("tty", true),
      });
      const body = `await service.exec({ namespace: "test", id: "tty", execId: "before", stdio: ${JSON.stringify(bench.supervised("before"))},
        spec: new TextEncoder().encode(JSON.stringify({ user: { uid: 0, gid: 0 }, args: ["/bin/sh", "-c", "read x; exit 11"], env: ["PATH=/bin"], cwd: "/" })) });
      await service.start({ namespace: "test", id: "tty", execId: "before" });
      await service.pause("test", "tty");`;
      await startAndDie(bench, runtimeModule, [tty], body);
      const { service } = await revive();
      expect((await service.state(init("tty"))).status).toBe("paused");
      await service.resume("test", "tty");
      const client = await attach(`${bench.directory}/tty.sock`);
      await client.hello;
      client.send(FRAME.stdin, "line\n");
      await client.seen("got line");
      await service.resizePty(init("tty"), 80, 24);
      const before = { ...init("tty"), execId: "before" };
      (await attach(`${bench.directory}/before.sock`)).send(FRAME.closeStdin);
      expect((await service.wait(before)).exitStatus).toBe(11);
      await service.kill(init("tty"), SIGKILL, false);
      expect((await service.wait(init("tty"))).exitStatus).toBe(137);
      await service.delete(init("tty"));
    });

    test("a supervisor that is killed takes its container along: 137", async () => {
      const { service, events } = await revive();
      await service.create(bench.task("orphan", "exec sleep 1000"));
      const { pid } = await service.start(init("orphan"));
      const supervisor = Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);
      process.kill(supervisor, SIGKILL);
      expect((await service.wait(init("orphan"))).exitStatus).toBe(137);
      expect(events.at(-1)?.topic).toBe("/tasks/exit");
      expect((await revive()).events).toEqual([]);
      await service.delete(init("orphan"));
    });

    test("a create that was cut short is unmade", async () => {
      const request = bench.task("half", "true");
      const directory = `${bench.directory}/state/test/half/skiff`;
      Bun.spawnSync(["mkdir", "-p", `${directory}/init`]);
      writeFileSync(`${directory}/task.json`, JSON.stringify(request));
      const { service, events } = await revive();
      expect(events).toEqual([]);
      expect(await service.list("test")).toEqual([]);
      expect(existsSync(directory)).toBe(false);
    });
  });
}
