/** The genuine dockerd (with a containerd of its own), podman, runc and crun, each on paths of their own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DOCKER } from "../harness/engine.ts";
import { busyboxArchive } from "../harness/images.ts";
import { eventually, must, shell } from "../harness/shell.ts";

export interface Dockerd extends AsyncDisposable {
  argv(args: readonly string[]): string[];
  readonly pid: number;
  readonly dir: string;
}

/** A bridge of its own, as operators make one for a second dockerd. */
export async function startDockerd(): Promise<Dockerd> {
  const dir = mkdtempSync("/tmp/skiff-dockerd-");
  const tag = Buffer.from(crypto.getRandomValues(new Uint8Array(2))).toString("hex");
  const bridge = `skref${tag}`;
  await must(["ip", "link", "add", bridge, "type", "bridge"]);
  await must(["ip", "address", "add", `10.249.${Number.parseInt(tag.slice(0, 2), 16)}.1/24`, "dev", bridge]);
  await must(["ip", "link", "set", bridge, "up"]);
  const host = `unix://${dir}/docker.sock`;
  const paths = [
    "--data-root",
    join(dir, "data"),
    "--exec-root",
    join(dir, "exec"),
    "--pidfile",
    join(dir, "pid"),
  ];
  const log = Bun.file(join(dir, "log"));
  const child = Bun.spawn(["dockerd", "-H", host, ...paths, "--bridge", bridge], {
    stdio: ["ignore", log, log],
  });
  const argv = (args: readonly string[]) => [DOCKER, "-H", host, ...args];
  await eventually(
    "dockerd",
    async () => {
      if (child.exitCode !== null) throw new Error(`dockerd exited:\n${await log.text()}`);
      return (await shell(argv(["version"]))).code === 0;
    },
    60_000,
  );
  await must(argv(["load", "-i", await busyboxArchive()]));
  return {
    argv,
    dir,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
      await shell([
        "sh",
        "-c",
        `awk '{print $2}' /proc/mounts | grep ^${dir} | sort -r | xargs -r umount -l`,
      ]);
      await shell(["ip", "link", "del", bridge]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** podman's global flags for private storage; the image is loaded. */
export async function preparePodman(dir: string): Promise<string[]> {
  mkdirSync(dir, { recursive: true });
  const paths = ["--root", join(dir, "root"), "--runroot", join(dir, "run"), "--tmpdir", join(dir, "tmp")];
  const podman = [
    "podman",
    ...paths,
    "--cgroup-manager=cgroupfs",
    "--events-backend=file",
    "--runtime",
    "runc",
  ];
  await must([...podman, "load", "-q", "-i", await busyboxArchive()]);
  return podman;
}

/** An OCI bundle of busybox whose process is `args`, in namespaces of its own (network included). */
export async function makeBundle(dir: string, args: readonly string[]): Promise<string> {
  const rootfs = join(dir, "rootfs");
  for (const name of ["bin", "proc", "sys", "dev", "tmp", "etc"])
    mkdirSync(join(rootfs, name), { recursive: true });
  await must(["cp", "/bin/busybox", join(rootfs, "bin/busybox")]);
  for (const name of ["sh", "true", "sleep"]) await must(["ln", "-sf", "busybox", join(rootfs, "bin", name)]);
  await must(["runc", "spec", "--bundle", dir]);
  const spec = JSON.parse(await Bun.file(join(dir, "config.json")).text());
  spec.process = { ...spec.process, terminal: false, args, rlimits: [] };
  writeFileSync(join(dir, "config.json"), JSON.stringify(spec));
  return dir;
}
