/** Genuine engines with `skiff-runc` as their OCI runtime: podman, and Debian's containerd through `ctr`. */
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

test("containerd runs a container with skiff-runc", () =>
  inDirectory(async (dir) => {
    const address = join(dir, "containerd.sock");
    const config = join(dir, "config.toml");
    const plugins = `version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n`;
    await Bun.write(config, plugins);
    const paths = ["--address", address, "--root", join(dir, "root"), "--state", join(dir, "state")];
    const child = Bun.spawn(["containerd", "--config", config, ...paths], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    const ctr = ["ctr", "-a", address];
    try {
      await eventually("containerd", async () => (await shell([...ctr, "version"])).code === 0);
      await must([...ctr, "images", "import", await busyboxArchive()]);
      const image = "docker.io/library/busybox:latest";
      const run = [...ctr, "run", "--rm", "--runc-binary", RUNC];
      expect(await must([...run, image, "one", "echo", "hello"])).toBe("hello\n");
      expect((await shell([...run, image, "two", "sh", "-c", "exit 5"])).code).toBe(5);
      await must([...ctr, "run", "-d", "--runc-binary", RUNC, image, "long", "sleep", "1000"]);
      expect(await must([...ctr, "tasks", "exec", "--exec-id", "e", "long", "cat", "/proc/1/comm"])).toBe(
        "sleep\n",
      );
      await must([...ctr, "tasks", "kill", "-s", "KILL", "long"]);
      await eventually("the task to stop", async () =>
        (await must([...ctr, "tasks", "ls"])).includes("STOPPED"),
      );
      await must([...ctr, "containers", "delete", "long"]).catch(() =>
        must([...ctr, "tasks", "delete", "long"]),
      );
    } finally {
      child.kill();
      await child.exited;
    }
  }));
