/** Streams, terminals and signals, the same through both command lines: what people and scripts lean on without knowing it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { CLIENTS, type ClientName, type Engine, startEngine } from "../harness/engine.ts";
import { busyboxArchive } from "../harness/images.ts";
import { cleanEnv, eventually, type Outcome, shell } from "../harness/shell.ts";
import { openTerminal } from "../harness/terminal.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({ network: "none" });
  await engine.ok("docker", ["load", "-i", await busyboxArchive()]);
}, 120_000);
afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

const NONE = ["--network", "none"];
const quoted = (client: ClientName): string => engine.argv(client, []).join(" ");
/** A line of shell with `C` for the client. */
const line = (client: ClientName, script: string): Promise<Outcome> =>
  shell(["bash", "-c", script], { env: { C: quoted(client) }, timeoutMs: 30_000 });

describe.each([...CLIENTS])("%s", (client) => {
  const ok = (...args: string[]) => engine.ok(client, args);
  const run = (...args: string[]) => engine.run(client, ["run", "--rm", ...NONE, ...args]);
  const state = (name: string) => ok("inspect", "-f", "{{.State.Running}} {{.State.ExitCode}}", name);

  test("leaving a terminal by keys", async () => {
    const name = `keys-${client}`;
    await using terminal = await openTerminal();
    const enter = async (text: string) => {
      await terminal.type(text);
      await terminal.press("Enter");
    };
    const start = async (words: string, prompt: string) => {
      await enter(`clear; ${quoted(client)} ${words}`);
      await eventually("the screen to be clear", async () => !(await terminal.screen()).includes("code="));
      // A shell that waits says nothing by itself.
      if (words.startsWith("attach")) await enter("");
      await terminal.shows(prompt);
    };
    const code = async (number: number): Promise<string> => {
      await terminal.shows(/host>\s*$/);
      await enter("echo code=$?");
      return terminal.shows(`code=${number}`);
    };
    await start(`run -it --network none --name ${name} busybox sh`, "/ #");
    await enter("echo in; stty size");
    await terminal.shows(/\n40 120\n/);
    await terminal.press("C-p", "C-q");
    await code(0);
    expect(await state(name)).toBe("true 0");
    await start(`attach ${name}`, "/ #");
    await enter("echo ag''ain");
    await terminal.shows(/\nagain\n/);
    await terminal.resize(100, 30);
    await eventually("the size to arrive", async () => {
      await enter("stty size");
      return (await terminal.screen()).includes("\n30 100\n");
    });
    // ^P is the shell's own key, too: it goes through when no ^Q follows.
    await terminal.press("C-p", "Enter");
    await terminal.press("C-p", "C-q");
    expect(await code(1)).toContain("read escape sequence");
    await start(`exec -it --detach-keys a,b ${name} sh`, "/ #");
    await terminal.type("ac");
    await terminal.shows("/ # ac");
    await terminal.press("C-u");
    await terminal.type("ab");
    expect(await code(1)).toContain("read escape sequence");
    await start(`attach ${name}`, "/ #");
    await enter("exit 5");
    await code(5);
    await start(`start -ai ${name}`, "/ #");
    await enter("exit 6");
    await code(6);
    await ok("rm", "-f", name);
  }, 60_000);

  test("a terminal is wanted", async () => {
    const outcome = await run("-it", "busybox", "true");
    expect([outcome.code, outcome.stderr]).toEqual([1, "the input device is not a TTY\n"]);
    expect((await run("-t", "busybox", "sh", "-c", "test -t 1 && echo tty")).stdout).toBe("tty\r\n");
  });

  test("much input, its end, and what comes after it", async () => {
    const script = `head -c 50000000 /dev/zero | $C run -i --rm --network none busybox sh -c 'wc -c; echo after'`;
    expect(await line(client, script)).toEqual({ stdout: "50000000\nafter\n", stderr: "", code: 0 });
    expect((await line(client, `$C run -i --rm --network none busybox cat </dev/null`)).stdout).toBe("");
    expect((await line(client, `$C run -i --rm --network none busybox cat <&-`)).stdout).toBe("");
    writeFileSync(`${engine.dir}/input`, "from a file\n");
    expect(
      (await line(client, `$C run -i --rm --network none busybox cat <${engine.dir}/input`)).stdout,
    ).toBe("from a file\n");
  }, 60_000);

  test("much output to a slow reader", async () => {
    const script = `$C run --rm --network none busybox dd if=/dev/zero bs=1M count=100 2>/dev/null | (sleep 0.5; wc -c)`;
    expect((await line(client, script)).stdout).toBe("104857600\n");
  }, 60_000);

  test("a reader that goes away", async () => {
    const outcome = await line(client, `$C run --rm --network none busybox seq 1 200000 | head -n 1`);
    expect(outcome).toEqual({ stdout: "1\n", stderr: "write /dev/stdout: broken pipe\n", code: 0 });
    const name = `talk-${client}`;
    await ok(
      "run",
      "-d",
      ...NONE,
      "--name",
      name,
      "busybox",
      "sh",
      "-c",
      "while echo tick; do sleep 0.05; done",
    );
    const followed = await line(client, `$C logs -f ${name} | head -n 2`);
    expect(followed).toEqual({ stdout: "tick\ntick\n", stderr: "", code: 0 });
    await ok("rm", "-f", name);
  }, 60_000);

  test("the other end keeps its flags", async () => {
    // A pipe that we make non-blocking would fail its other users.
    const script = `(sleep 0.2; echo x) | ($C run -i --rm --network none busybox true; head -n 1)`;
    expect((await line(client, script)).code).toBe(0);
  });

  test("streams that are named", async () => {
    const script = "echo out; echo err >&2";
    const named = (...flags: string[]) => run(...flags, "busybox", "sh", "-c", script);
    expect(await named("-a", "stdout")).toEqual({ stdout: "out\n", stderr: "", code: 0 });
    expect(await named("-a", "stderr")).toEqual({ stdout: "", stderr: "err\n", code: 0 });
  });

  test("signals go through", async () => {
    const name = `proxy-${client}`;
    const trap = `trap "echo got; exit 9" TERM; trap "echo usr" USR1; echo ready; while true; do sleep 0.05; done`;
    const child = Bun.spawn(
      [...engine.argv(client, ["run", "--rm", ...NONE, "--name", name, "busybox", "sh", "-c", trap])],
      {
        env: cleanEnv(),
        ...{ stdin: "ignore", stdout: "pipe", stderr: "pipe" },
      },
    );
    const out = child.stdout.text();
    // It is not there at first.
    const logs = async () => (await engine.run(client, ["logs", name])).stdout;
    await eventually("the trap to be set", async () => (await logs()).includes("ready"));
    child.kill("SIGUSR1");
    await eventually("the first signal", async () => (await logs()).includes("usr"));
    child.kill("SIGTERM");
    expect(await child.exited).toBe(9);
    expect(await out).toBe("ready\nusr\ngot\n");
  });

  test("exit codes of what does not start", async () => {
    const codes = async (...args: string[]) =>
      (await engine.run(client, ["run", "--rm", ...NONE, ...args])).code;
    expect(await codes("busybox", "nope")).toBe(127);
    expect(await codes("busybox", "/etc/passwd")).toBe(126);
    expect(await codes("--nope", "busybox")).toBe(125);
    expect(await codes("--pull", "never", "missing-image")).toBe(125);
    expect((await engine.run(client, ["run"])).code).toBe(1);
    const id = `${engine.dir}/cid-${client}`;
    const named = await run("--cidfile", id, "busybox", "true");
    expect(named).toEqual({ stdout: "", stderr: "", code: 0 });
    expect((await run("--cidfile", id, "busybox", "true")).code).toBe(125);
  });
});

test("both say the same where a container does not start", async () => {
  for (const args of [
    ["busybox", "nope"],
    ["--pull", "never", "missing-image"],
    ["-w", "relative", "busybox", "true"],
    ["-v", "/a:relative", "busybox"],
    ["--hostname", "a b", "busybox"],
    ["--runtime", "nope", "busybox"],
    ["-m", "1", "busybox"],
  ]) {
    const words = async (client: ClientName) => {
      const { stdout, stderr, code } = await engine.run(client, ["run", "--rm", ...NONE, ...args]);
      const plain = stderr.replace(/^(skiff|docker): /, "").replace(/'(skiff|docker) /g, "'");
      return { stdout, code, stderr: plain.replace(/[0-9a-f]{64}/g, "ID") };
    };
    expect(await words("skiff")).toEqual(await words("docker"));
  }
});
