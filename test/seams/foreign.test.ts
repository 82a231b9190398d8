/** Genuine engines with one layer of ours: podman and Debian's containerd with `skiff-runc`, containerd with our shim over ttrpc. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DIST } from "../harness/engine.ts";
import { busyboxArchive } from "../harness/images.ts";
import { eventually, must, shell } from "../harness/shell.ts";

const RUNC = `${DIST}/skiff-runc`;

async function inDirectory(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync("/tmp/skiff-foreign-");
  try {
    await body(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

test("podman runs a container with skiff-runc", () =>
  inDirectory(async (dir) => {
    const global = ["--root", join(dir, "root"), "--runroot", join(dir, "run"), "--tmpdir", join(dir, "tmp")];
    const podman = [
      "podman",
      ...global,
      "--cgroup-manager=cgroupfs",
      "--events-backend=file",
      "--runtime",
      RUNC,
    ];
    const limits = ["--network=none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
    await must([...podman, "load", "-q", "-i", await busyboxArchive()]);
    expect(await must([...podman, "run", "--rm", ...limits, "busybox", "echo", "hello"])).toBe("hello\n");
    expect((await shell([...podman, "run", "--rm", ...limits, "busybox", "sh", "-c", "exit 6"])).code).toBe(
      6,
    );
    expect((await shell([...podman, "run", "--rm", ...limits, "busybox", "no-such"])).code).toBe(127);
    await must([...podman, "run", "-d", "--name", "long", ...limits, "busybox", "sleep", "1000"]);
    expect(await must([...podman, "exec", "long", "cat", "/proc/1/comm"])).toBe("sleep\n");
    await must([...podman, "stop", "-t", "0", "long"]);
    expect(await must([...podman, "inspect", "-f", "{{.State.ExitCode}}", "long"])).toBe("137\n");
    await must([...podman, "rm", "long"]);
    await shell([...podman, "unmount", "--all"]);
    await shell(["umount", join(dir, "root/overlay")]);
  }));

/** Debian's containerd on directories of its own, without CRI; `body` gets ctr's argv. `path` comes first in its PATH. */
async function withContainerd(dir: string, path: string, body: (ctr: readonly string[]) => Promise<void>) {
  const address = join(dir, "containerd.sock");
  const config = join(dir, "config.toml");
  await Bun.write(config, `version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n`);
  const paths = ["--address", address, "--root", join(dir, "root"), "--state", join(dir, "state")];
  const child = Bun.spawn(["containerd", "--config", config, ...paths], {
    env: { ...process.env, PATH: `${path}:${process.env["PATH"]}` },
    stdio: ["ignore", "ignore", "ignore"],
  });
  const ctr = ["ctr", "-a", address];
  try {
    await eventually("containerd", async () => (await shell([...ctr, "version"])).code === 0);
    await must([...ctr, "images", "import", await busyboxArchive()]);
    await body(ctr);
  } finally {
    child.kill();
    await child.exited;
  }
}

const IMAGE = "docker.io/library/busybox:latest";

test.each([
  { layer: "skiff-runc", flags: ["--runc-binary", RUNC] },
  { layer: "containerd-shim-skiff-v1", flags: ["--runtime", "io.containerd.skiff.v1"] },
])("containerd runs a container with $layer", ({ flags }) =>
  inDirectory((dir) =>
    withContainerd(dir, DIST, async (ctr) => {
      const run = (...args: string[]) => [...ctr, "run", ...flags, ...args];
      expect(await must(run("--rm", IMAGE, "one", "echo", "hello"))).toBe("hello\n");
      expect((await shell(run("--rm", IMAGE, "two", "sh", "-c", "exit 5"))).code).toBe(5);
      await must(run("-d", IMAGE, "long", "sleep", "1000"));
      expect(await must([...ctr, "tasks", "exec", "--exec-id", "e", "long", "cat", "/proc/1/comm"])).toBe(
        "sleep\n",
      );
      expect(await must([...ctr, "tasks", "metrics", "long"])).toContain("memory");
      await must([...ctr, "tasks", "pause", "long"]);
      expect(await must([...ctr, "tasks", "ls"])).toContain("PAUSED");
      await must([...ctr, "tasks", "resume", "long"]);
      await must([...ctr, "tasks", "kill", "-s", "KILL", "long"]);
      await eventually("the task to stop", async () =>
        (await must([...ctr, "tasks", "ls"])).includes("STOPPED"),
      );
      expect((await shell([...ctr, "tasks", "delete", "long"])).stderr).toContain("exit code 137");
      await must([...ctr, "containers", "delete", "long"]);
    }),
  ),
);
