/** `run` and its flags, through the docker CLI and through skiff: the same words, streams and exit codes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { CLIENTS, type Engine, startEngine } from "../harness/engine.ts";
import { busyboxArchive } from "../harness/images.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  expect(await engine.ok("docker", ["load", "-i", await busyboxArchive()])).toContain(
    "Loaded image: busybox:latest",
  );
}, 120_000);
afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

describe.each([...CLIENTS])("%s", (client) => {
  const ok = (...args: string[]) => engine.ok(client, args);
  const run = (...args: string[]) => engine.run(client, ["run", "--rm", ...args]);

  test("streams are kept apart and whole", async () => {
    const outcome = await run("busybox", "sh", "-c", "echo out; echo err >&2; exit 3");
    expect(outcome).toEqual({ stdout: "out\n", stderr: "err\n", code: 3 });
    const many = await run("busybox", "seq", "1", "100000");
    expect(many.stdout).toBe(Array.from({ length: 100_000 }, (_, i) => `${i + 1}\n`).join(""));
  });

  test("environment, directory, user, host name, entrypoint", async () => {
    const file = `${engine.dir}/env-${client}`;
    writeFileSync(file, "# comment\nFROM_FILE=yes\n");
    const flags = ["-e", "A=1", "--env-file", file, "-w", "/var/www", "-u", "plain", "-h", "boat"];
    const outcome = await run(
      ...flags,
      "--entrypoint",
      "sh",
      "busybox",
      "-c",
      "echo $A $FROM_FILE $PWD $(id -un) $(id -G) $(hostname)",
    );
    expect(outcome.stdout).toBe("1 yes /var/www plain 1000 2000 boat\n");
    expect((await run("-u", "12:34", "busybox", "id")).stdout).toBe("uid=12 gid=34 groups=34\n");
  });

  test("bind mounts, named volumes and tmpfs", async () => {
    const dir = `${engine.dir}/bind-${client}`;
    mkdirSync(dir);
    await run("-v", `${dir}:/data`, "busybox", "sh", "-c", "echo written >/data/file");
    expect(readFileSync(`${dir}/file`, "utf8")).toBe("written\n");
    expect((await run("-v", `${dir}:/data:ro`, "busybox", "touch", "/data/x")).stderr).toContain(
      "Read-only file system",
    );
    await run("-v", `vol-${client}:/etc`, "busybox", "sh", "-c", "echo kept >/etc/kept");
    const kept = await run(
      "-v",
      `vol-${client}:/data`,
      "busybox",
      "sh",
      "-c",
      "cat /data/kept; grep -c root /data/passwd",
    );
    expect(kept.stdout).toBe("kept\n1\n");
    expect(
      (await run("--tmpfs", "/scratch:size=1m", "busybox", "sh", "-c", "df -k /scratch | tail -1")).stdout,
    ).toContain("1024");
    await ok("volume", "rm", `vol-${client}`);
  });

  test("limits reach the cgroup", async () => {
    const flags = ["-m", "32m", "--cpus", "0.5", "--pids-limit", "17"];
    const script = `cd /sys/fs/cgroup
      if [ -d memory ]; then cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us pids/pids.max
      else cat memory.max cpu.max pids.max; fi`;
    expect((await run(...flags, "busybox", "sh", "-c", script)).stdout).toMatch(
      /^33554432\n50000( 100000)?\n17\n$/,
    );
    expect(
      (await run("--ulimit", "nofile=100:200", "busybox", "sh", "-c", "ulimit -n; ulimit -Hn")).stdout,
    ).toBe("100\n200\n");
  });

  test("capabilities, seccomp and no-new-privileges are Docker's", async () => {
    const status = async (...flags: string[]) =>
      (await run(...flags, "busybox", "cat", "/proc/self/status")).stdout;
    const plain = await status();
    expect(plain).toContain("CapEff:\t00000000a80425fb");
    expect(plain).toContain("CapInh:\t0000000000000000");
    expect(plain).toContain("Seccomp:\t2");
    expect(plain).toContain("NoNewPrivs:\t0");
    expect(await status("--cap-drop", "ALL", "--cap-add", "NET_ADMIN")).toContain(
      "CapEff:\t0000000000001000",
    );
    const loose = await status("--security-opt", "seccomp=unconfined", "--security-opt", "no-new-privileges");
    expect(loose).toContain("Seccomp:\t0");
    expect(loose).toContain("NoNewPrivs:\t1");
    expect((await run("busybox", "unshare", "-r", "true")).code).not.toBe(0);
    expect((await run("--read-only", "busybox", "touch", "/x")).stderr).toContain("Read-only file system");
  });

  test("--init reaps and forwards", async () => {
    expect((await run("--init", "busybox", "sh", "-c", "cat /proc/1/comm; exit 4")).code).toBe(4);
    expect((await run("--init", "busybox", "cat", "/proc/1/comm")).stdout).not.toBe("cat\n");
  });

  test("create, start, attach, exec, logs, wait", async () => {
    const name = `steps-${client}`;
    await ok(
      "create",
      "-i",
      "--name",
      name,
      "--label",
      `who=${client}`,
      "busybox",
      "sh",
      "-c",
      "cat; echo end >&2; exit 3",
    );
    expect(
      await ok("ps", "-a", "--filter", `label=who=${client}`, "--format", "{{.Names}} {{.Status}}"),
    ).toBe(`${name} Created`);
    const fed = await engine.run(client, ["start", "-a", "-i", name], { stdin: "through\n" });
    expect(fed).toEqual({ stdout: "through\n", stderr: "end\n", code: 3 });
    expect(await ok("wait", name)).toBe("3");
    expect((await engine.run(client, ["logs", name])).stdout).toBe("through\n");
    expect((await engine.run(client, ["logs", "-t", "--tail", "1", name])).stderr).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z end\n$/,
    );
    expect(await ok("rm", name)).toBe(name);
  });

  test("exec: streams, stdin, user, exit codes", async () => {
    const name = `exec-${client}`;
    await ok("run", "-d", "--name", name, "busybox", "sleep", "1000");
    const exec = (args: string[], stdin?: string) =>
      engine.run(client, ["exec", ...args], stdin === undefined ? {} : { stdin });
    expect(await exec(["-i", name, "sh", "-c", "cat; echo err >&2; exit 5"], "in\n")).toEqual({
      stdout: "in\n",
      stderr: "err\n",
      code: 5,
    });
    expect(
      (await exec(["-u", "plain", "-w", "/tmp", "-e", "B=2", name, "sh", "-c", "echo $(id -u) $PWD $B"]))
        .stdout,
    ).toBe("1000 /tmp 2\n");
    // As dockerd 25 and later; older ones say 126.
    expect((await exec([name, "nope"])).code).toBe(127);
    expect((await exec([name, "/etc/passwd"])).code).toBe(126);
    expect((await engine.run(client, ["kill", name])).code).toBe(0);
    expect(await ok("wait", name)).toBe("137");
    await ok("rm", name);
  });

  test("signals: stop, kill, exit codes 128 + n", async () => {
    const trap = `trap "echo bye; exit 21" TERM; while true; do sleep 0.05; done`;
    const name = `signal-${client}`;
    await ok("run", "-d", "--name", name, "busybox", "sh", "-c", trap);
    await ok("stop", name);
    expect(await ok("inspect", "-f", "{{.State.ExitCode}}", name)).toBe("21");
    expect(await ok("logs", name)).toBe("bye");
    await ok("rm", name);
    expect((await run("--init", "busybox", "sh", "-c", "kill -SEGV $$")).code).toBe(139);
  });

  test("events tell the story in order", async () => {
    const since = String(Math.floor(Date.now() / 1000));
    const name = `story-${client}`;
    await engine.run(client, ["run", "--rm", "--name", name, "busybox", "true"]);
    const until = String(Math.floor(Date.now() / 1000) + 1);
    const told = await ok(
      "events",
      "--since",
      since,
      "--until",
      until,
      "--filter",
      `container=${name}`,
      "--format",
      "{{.Action}}",
    );
    expect(told.split("\n")).toEqual(["create", "attach", "start", "die", "destroy"]);
  });
});
