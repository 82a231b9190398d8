import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { FRAME } from "../contracts/shim/stdio.ts";
import type { ProcessRef } from "../contracts/shim/task.ts";
import { stdioWords } from "./stdio.ts";
import { attach, type Bench, createBench, logEntries, NO_STDIO } from "./testing.ts";

function init(id: string): ProcessRef {
  return { namespace: "test", id, execId: "" };
}

/** `seq`-like lines, as `seq 1 count` of the container prints them. */
function sequence(count: number): string {
  return Array.from({ length: count }, (_, i) => `${i + 1}\n`).join("");
}

describe("stdio through the supervisor", () => {
  let bench: Bench;
  beforeAll(() => {
    bench = createBench();
  });
  afterAll(() => {
    expect(readdirSync(`${bench.directory}/state/test`)).toEqual([]);
    bench.close();
  });

  async function create(id: string, script: string, query = "") {
    await bench.service.create(bench.task(id, script, { stdio: bench.supervised(id, false, query) }));
  }

  async function finish(id: string) {
    const exit = await bench.service.wait(init(id));
    await bench.service.delete(init(id));
    return exit;
  }

  test("an early client sees everything, a late one only what comes after it, the log has all", async () => {
    await create("early", "echo one; read x; echo two");
    const early = await attach(`${bench.directory}/early.sock`);
    await early.hello;
    await bench.service.start(init("early"));
    await early.seen("one");
    const late = await attach(`${bench.directory}/early.sock`);
    await late.hello;
    late.send(FRAME.stdin, "go\n");
    await finish("early");
    await Promise.all([early.ended, late.ended]);
    expect(early.output()).toBe("one\ntwo\n");
    expect(late.output()).toBe("two\n");
    expect(late.frames.at(-1)?.type).toBe(FRAME.exit);
    expect(logEntries(bench.log("early")).map(([, text]) => text)).toEqual(["one\n", "two\n"]);
  });

  test("a slow client stops the container and loses nothing, a dying one frees it", async () => {
    const count = 200_000;
    await create("slow", `seq 1 ${count}; echo end >&2`);
    const slow = await attach(`${bench.directory}/slow.sock`);
    const dying = await attach(`${bench.directory}/slow.sock`);
    await Promise.all([slow.hello, dying.hello]);
    slow.pause();
    dying.pause();
    await bench.service.start(init("slow"));
    await Bun.sleep(100);
    expect((await bench.service.state(init("slow"))).status).toBe("running");
    dying.kill();
    await Bun.sleep(100);
    expect((await bench.service.state(init("slow"))).status).toBe("running");
    slow.resume();
    await finish("slow");
    await slow.ended;
    expect(slow.output()).toBe(sequence(count));
    expect(slow.output(FRAME.stderr)).toBe("end\n");
    const logged = logEntries(bench.log("slow")).filter(([stream]) => stream === "stdout");
    expect(logged.map(([, text]) => text).join("")).toBe(sequence(count));
  });

  test("a client that never reads delays neither the exit nor the log", async () => {
    await create("stuck", "seq 1 25000");
    const stuck = await attach(`${bench.directory}/stuck.sock`);
    await stuck.hello;
    stuck.pause();
    await bench.service.start(init("stuck"));
    expect((await finish("stuck")).exitStatus).toBe(0);
    expect(
      logEntries(bench.log("stuck"))
        .map(([, text]) => text)
        .join(""),
    ).toBe(sequence(25000));
    stuck.resume();
    await stuck.ended;
    expect(stuck.output()).toBe(sequence(25000));
  });

  test("stdin: many bytes with back-pressure, half-close, then output still comes", async () => {
    await create("stdin", "wc -c; echo after");
    const client = await attach(`${bench.directory}/stdin.sock`);
    await client.hello;
    await bench.service.start(init("stdin"));
    for (let i = 0; i < 4; i++) client.send(FRAME.stdin, new Uint8Array(10_000));
    client.send(FRAME.closeStdin);
    client.send(FRAME.stdin, "too late");
    await finish("stdin");
    await client.ended;
    expect(client.output()).toBe("40000\nafter\n");
  });

  test("held output waits for its first client", async () => {
    await create("held", "echo missed by nobody", "&hold=1");
    await bench.service.start(init("held"));
    await Bun.sleep(50);
    const client = await attach(`${bench.directory}/held.sock`);
    expect((await finish("held")).exitStatus).toBe(0);
    await client.ended;
    expect(client.output()).toBe("missed by nobody\n");
  });

  test("a protocol error ends the client, not the container", async () => {
    await create("rude", "read x; echo $x");
    const rude = await attach(`${bench.directory}/rude.sock`);
    await rude.hello;
    rude.send(FRAME.resize, "not four bytes");
    await rude.ended;
    const polite = await attach(`${bench.directory}/rude.sock`);
    await polite.hello;
    await bench.service.start(init("rude"));
    polite.send(FRAME.stdin, "fine\n");
    await finish("rude");
    await polite.ended;
    expect(polite.output()).toBe("fine\n");
  });

  test("rotation keeps the newest files", async () => {
    await create("rotated", "seq 1 200", "&max-size=4000&max-file=3");
    await bench.service.start(init("rotated"));
    await finish("rotated");
    const files = [".2", ".1", ""].map((end) => readFileSync(`${bench.directory}/rotated.log${end}`, "utf8"));
    for (const file of files.slice(0, 2)) expect(file.length).toBeGreaterThanOrEqual(4000);
    for (const file of files) expect(file.length).toBeLessThan(4200);
    const lines = files.flatMap((file) => logEntries(file).map(([, text]) => Number(text)));
    expect(lines.at(-1)).toBe(200);
    expect(lines).toEqual(lines.map((_, i) => lines[0]! + i));
  });
});

test("stdio words", () => {
  const socket = "supervisor:///run/x.sock?log=json-file&path=/l%20og&max-size=10&max-file=2";
  const stdio = { terminal: true, stdin: socket, stdout: socket, stderr: "" };
  expect(stdioWords(stdio).join(" ")).toBe(
    "--stdin socket --stdout socket --stderr null --terminal --socket /run/x.sock --log /l og --max-size 10 --max-file 2",
  );
  expect(stdioWords({ ...NO_STDIO, stdout: "file:///a/b", stdin: "/fifo" }).join(" ")).toBe(
    "--stdin fifo:/fifo --stdout file:/a/b --stderr null",
  );
  for (const bad of [
    "relative",
    "http://x/",
    "supervisor:///s?log=other",
    "supervisor:///s?log=json-file&path=x",
  ]) {
    expect(() => stdioWords({ ...NO_STDIO, stdout: bad })).toThrow();
  }
});
