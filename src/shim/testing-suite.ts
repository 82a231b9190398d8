/** One behavioural suite, run over runc, crun and skiff-runc. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { FRAME } from "../contracts/shim/stdio.ts";
import type { ProcessRef } from "../contracts/shim/task.ts";
import { attach, type Bench, logEntries, NO_STDIO } from "./testing.ts";

const SIGKILL = 9;
const SIGTERM = 15;

function init(id: string): ProcessRef {
  return { namespace: "test", id, execId: "" };
}

function execSpec(...args: string[]): Uint8Array {
  return Buffer.from(JSON.stringify({ user: { uid: 0, gid: 0 }, args, env: ["PATH=/bin"], cwd: "/" }));
}

/** What every Task service must do, whatever runtime is below it. */
export function describeTaskService(runtime: string, createBench: () => Bench): void {
  describe(`Task service over ${runtime}`, () => {
    let bench: Bench;
    beforeAll(() => {
      bench = createBench();
    });
    afterAll(() => {
      expect(readdirSync(`${bench.directory}/state/test`)).toEqual([]);
      bench.close();
    });

    async function run(id: string, script: string, stdio = bench.supervised(id)) {
      await bench.service.create(bench.task(id, script, { stdio }));
      await bench.service.start(init(id));
    }

    async function finish(id: string) {
      const exit = await bench.service.wait(init(id));
      await bench.service.delete(init(id));
      return exit;
    }

    test("runs a process, logs both streams, tells events in order and the exit status", async () => {
      await run("plain", "echo out; echo err >&2; exit 7");
      const exit = await finish("plain");
      expect(exit.exitStatus).toBe(7);
      expect(logEntries(bench.log("plain")).sort()).toEqual([
        ["stderr", "err\n"],
        ["stdout", "out\n"],
      ]);
      const topics = bench.events.filter((event) => event.id === "plain").map((event) => event.topic);
      expect(topics).toEqual(["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"]);
      expect(existsSync(`${bench.directory}/plain.sock`)).toBe(false);
    });

    test("a process that a signal ends has 128 + signal; a second delete finds nothing", async () => {
      await run("killed", "sleep 1000");
      await bench.service.kill(init("killed"), SIGKILL, false);
      expect((await finish("killed")).exitStatus).toBe(137);
      expect(bench.service.delete(init("killed"))).rejects.toMatchObject({ code: "not_found" });
    });

    test("refuses what a state forbids, in containerd's words", async () => {
      const { service } = bench;
      await service.create(bench.task("state", "exec sleep 1000"));
      expect(service.create(bench.task("state", "true"))).rejects.toMatchObject({ code: "already_exists" });
      expect(service.pause("test", "state")).rejects.toThrow("cannot pause task in created state");
      await service.start(init("state"));
      expect(service.start(init("state"))).rejects.toThrow("cannot start a running process");
      expect(service.delete(init("state"))).rejects.toThrow("cannot delete a running process");
      await service.kill(init("state"), SIGKILL, false);
      await service.wait(init("state"));
      expect(service.kill(init("state"), SIGTERM, false)).rejects.toMatchObject({
        code: "not_found",
        message: "process already finished",
      });
      expect(service.start(init("state"))).rejects.toThrow("cannot start a stopped process");
      await service.delete(init("state"));
      expect(service.state(init("state"))).rejects.toMatchObject({ code: "not_found" });
    });

    test("a created container may be deleted", async () => {
      await bench.service.create(bench.task("created", "true"));
      await bench.service.delete(init("created"));
      expect(bench.service.list("test")).resolves.toEqual([]);
    });

    test("a failed create leaves nothing and says why; a retry works", async () => {
      const request = bench.task("retry", "true");
      const config = readFileSync(`${request.bundle}/config.json`, "utf8");
      writeFileSync(`${request.bundle}/config.json`, config.replace('"/bin/sh"', '"/bin/nosuch"'));
      const failure = bench.service.create(request);
      expect(failure).rejects.toThrow(/^OCI runtime create failed: .*\/bin\/nosuch/);
      await failure.catch(() => undefined);
      expect(readdirSync(`${bench.directory}/state/test`)).toEqual([]);
      writeFileSync(`${request.bundle}/config.json`, config);
      await bench.service.create(request);
      await bench.service.start(init("retry"));
      expect((await finish("retry")).exitStatus).toBe(0);
    });

    test("pauses, resumes, updates, counts", async () => {
      await run("paused", "exec sleep 1000", NO_STDIO);
      await bench.service.pause("test", "paused");
      expect((await bench.service.state(init("paused"))).status).toBe("paused");
      expect(bench.service.start(init("paused"))).rejects.toThrow("cannot start a paused process");
      await bench.service.resume("test", "paused");
      await bench.service.update("test", "paused", { pids: { limit: 17 } });
      const stats = (await bench.service.stats("test", "paused")) as {
        pids: { limit: number; current: number };
      };
      expect(stats.pids).toEqual({ limit: 17, current: 1 });
      const { pid } = await bench.service.state(init("paused"));
      expect(await bench.service.pids("test", "paused")).toEqual([pid]);
      await bench.service.kill(init("paused"), SIGKILL, true);
      expect((await finish("paused")).exitStatus).toBe(137);
    });

    test("exec: own stdio, own exit status, events", async () => {
      await run("host", "exec sleep 1000", NO_STDIO);
      const ref = { ...init("host"), execId: "e1" };
      await bench.service.exec({
        ...ref,
        spec: execSpec("/bin/sh", "-c", "echo $0; cat; exit 9"),
        stdio: bench.supervised("e1"),
      });
      expect((await bench.service.state(ref)).status).toBe("created");
      const { pid } = await bench.service.start(ref);
      const client = await attach(`${bench.directory}/e1.sock`);
      client.send(FRAME.stdin, "typed\n");
      client.send(FRAME.closeStdin);
      expect((await bench.service.wait(ref)).exitStatus).toBe(9);
      expect((await bench.service.delete(ref)).pid).toBe(pid);
      expect(logEntries(bench.log("e1"))).toEqual([
        ["stdout", "/bin/sh\n"],
        ["stdout", "typed\n"],
      ]);
      const topics = bench.events.filter((event) => "execId" in event && event.execId === "e1");
      expect(topics.map((event) => event.topic)).toEqual([
        "/tasks/exec-added",
        "/tasks/exec-started",
        "/tasks/exit",
      ]);
      const bad = { ...init("host"), execId: "e2" };
      await bench.service.exec({ ...bad, spec: execSpec("/bin/nosuch"), stdio: NO_STDIO });
      expect(bench.service.start(bad)).rejects.toThrow(/^OCI runtime exec failed: .*nosuch/);
      await bench.service.delete(bad);
      await bench.service.kill(init("host"), SIGKILL, false);
      await finish("host");
    });

    test("a terminal: one stream, echo, its size", async () => {
      const stdio = bench.supervised("tty", true);
      await bench.service.create(
        bench.task("tty", "stty size; read line; stty size; echo got $line", { stdio }),
      );
      const client = await attach(`${bench.directory}/tty.sock`);
      await client.hello;
      await bench.service.resizePty(init("tty"), 91, 33);
      await bench.service.start(init("tty"));
      await client.seen("33 91");
      client.send(FRAME.resize, Uint8Array.of(0, 40, 0, 100));
      client.send(FRAME.stdin, "word\n");
      expect((await finish("tty")).exitStatus).toBe(0);
      await client.ended;
      expect(client.output()).toContain("40 100");
      expect(client.output()).toContain("got word");
      expect(client.frames.at(-1)?.type).toBe(FRAME.exit);
    });

    test("FIFOs as containerd's clients use them", async () => {
      const path = (name: string) => `${bench.directory}/fifo-${name}`;
      for (const name of ["in", "out", "err"]) Bun.spawnSync(["mkfifo", path(name)]);
      const out = Bun.spawn(["cat", path("out")], { stdout: "pipe" });
      const err = Bun.spawn(["cat", path("err")], { stdout: "pipe" });
      const stdio = { terminal: false, stdin: path("in"), stdout: path("out"), stderr: path("err") };
      await bench.service.create(bench.task("fifo", "cat; echo end >&2", { stdio }));
      await bench.service.start(init("fifo"));
      Bun.spawnSync(["sh", "-c", `echo through > ${path("in")}`]);
      await bench.service.closeStdin(init("fifo"));
      expect((await finish("fifo")).exitStatus).toBe(0);
      expect(await out.stdout.text()).toBe("through\n");
      expect(await err.stdout.text()).toBe("end\n");
    });

    test("an OOM kill is told before the exit", async () => {
      await bench.service.create(bench.task("oom", "tail /dev/zero", { memoryLimit: 8 << 20 }));
      await bench.service.start(init("oom"));
      expect((await finish("oom")).exitStatus).toBe(137);
      const topics = bench.events.filter((event) => event.id === "oom").map((event) => event.topic);
      expect(topics).toEqual(["/tasks/create", "/tasks/start", "/tasks/oom", "/tasks/exit", "/tasks/delete"]);
    });

    test("without a pid namespace the rest of the container ends with init", async () => {
      const stdio = bench.supervised("hostpid");
      const request = bench.task("hostpid", "sleep 1234 & echo up; exit 3", { stdio, hostPid: true });
      await bench.service.create(request);
      await bench.service.start(init("hostpid"));
      expect((await finish("hostpid")).exitStatus).toBe(3);
      expect(logEntries(bench.log("hostpid"))).toEqual([["stdout", "up\n"]]);
    });
  });
}
