/** Containers that really run, judged by the genuine runc on the same bundle. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Spec } from "../contracts/oci/spec.ts";
import { type Bundle, createBundle } from "./testing.ts";

let bundle: Bundle;
beforeAll(() => {
  bundle = createBundle();
});
afterAll(() => bundle.close());

const process_ =
  (change: Partial<NonNullable<Spec["process"]>>) =>
  (spec: Spec): Spec => ({
    ...spec,
    process: { ...spec.process!, ...change },
  });
const linux =
  (change: Partial<NonNullable<Spec["linux"]>>) =>
  (spec: Spec): Spec => ({
    ...spec,
    linux: { ...spec.linux, ...change },
  });
const writable = (spec: Spec): Spec => ({ ...spec, root: { path: "rootfs" } });
const withMount =
  (mount: NonNullable<Spec["mounts"]>[number]) =>
  (spec: Spec): Spec => ({
    ...writable(spec),
    mounts: [...spec.mounts!, mount],
  });

/** Messages up to what depends on the runtime's inner order. */
function words(stderr: string): string {
  return stderr
    .replace("error during container init: ", "")
    .replace(/ \(via \/proc\/self\/fd\/\d+\)(, flags: 0x1000)?:/, ":")
    .trim();
}

/** Ours bounds its masks, as later versions of runc do, and keeps a read-only cgroup mount's own tmpfs read-only. */
function mounts(text: string): string {
  return text
    .replaceAll(",size=4k,nr_inodes=1", "")
    .replace(/^(tmpfs on \/sys\/fs\/cgroup type tmpfs) \(r[wo]/m, "$1 (ro");
}

describe("the same as runc", () => {
  const SAME: readonly (readonly [string, readonly string[], ((spec: Spec) => Spec)?])[] = [
    ["exit status", ["sh", "-c", "exit 7"]],
    [
      "mounts",
      ["sh", "-c", "mount | sort"],
      linux({
        namespaces: [
          { type: "pid" },
          { type: "network" },
          { type: "ipc" },
          { type: "uts" },
          { type: "mount" },
        ],
      }),
    ],
    ["capabilities and no_new_privs", ["grep", "-E", "Cap|NoNew|Seccomp:", "/proc/self/status"]],
    [
      "another user",
      ["sh", "-c", "id; grep -E 'Cap|Groups' /proc/self/status"],
      process_({ user: { uid: 1000, gid: 1000, additionalGids: [5, 7] } }),
    ],
    [
      "limits",
      ["sh", "-c", "ulimit -n; ulimit -c; umask; cat /proc/self/oom_score_adj"],
      process_({
        rlimits: [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }],
        user: { uid: 0, gid: 0, umask: 0o77 },
        oomScoreAdj: 700,
      }),
    ],
    [
      "sysctl",
      ["cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start"],
      linux({ sysctl: { "net.ipv4.ip_unprivileged_port_start": "0" } }),
    ],
    ["masked and read-only paths", ["sh", "-c", "cat /proc/keys; ls /sys/firmware; touch /proc/sys/x"]],
    ["read-only root", ["touch", "/x"]],
    [
      "read-only bind",
      ["sh", "-c", "mount | grep /mnt; touch /mnt/x"],
      withMount({
        destination: "/mnt",
        type: "bind",
        source: "/usr/share",
        options: ["rbind", "ro", "nosuid"],
      }),
    ],
    [
      "tmpcopyup",
      ["sh", "-c", "mount | grep /etc; cat /etc/passwd; stat -c %a /etc; touch /etc/x"],
      withMount({
        destination: "/etc",
        type: "tmpfs",
        source: "tmpfs",
        options: ["tmpcopyup", "ro", "size=1m"],
      }),
    ],
    ["working directory is made", ["sh", "-c", "pwd"], (spec) => process_({ cwd: "/made" })(writable(spec))],
    [
      "devices",
      ["sh", "-c", "cd /dev; stat -c '%n %A %u %g %t:%T %N' * | grep -v -e ^pts -e ^shm -e ^mqueue"],
    ],
    [
      "seccomp",
      ["sh", "-c", "mkdir /tmp/x; grep Seccomp: /proc/self/status"],
      linux({
        seccomp: {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 38 }],
        },
      }),
    ],
    [
      "seccomp before privileges go",
      ["grep", "Seccomp:", "/proc/self/status"],
      (spec) =>
        process_({ noNewPrivileges: false, user: { uid: 5, gid: 5 } })(
          linux({
            seccomp: {
              defaultAction: "SCMP_ACT_ALLOW",
              syscalls: [{ names: ["bpf"], action: "SCMP_ACT_ERRNO" }],
            },
          })(spec),
        ),
    ],
  ];
  for (const [name, args, change] of SAME) {
    test(name, () => {
      const { ours, theirs } = bundle.both(args, change);
      expect(mounts(ours.stdout)).toBe(mounts(theirs.stdout));
      expect(words(ours.stderr)).toBe(words(theirs.stderr));
      expect(ours.code).toBe(theirs.code);
    });
  }

  const user = { containerID: 0, hostID: 100_000, size: 65_536 };
  test("user namespace", () => {
    Bun.spawnSync(["chown", "-R", "100000:100000", bundle.rootfs]);
    Bun.spawnSync(["chmod", "755", bundle.directory]);
    const change = (spec: Spec): Spec =>
      linux({
        namespaces: [...spec.linux!.namespaces!, { type: "user" }],
        uidMappings: [user],
        gidMappings: [user],
      })(writable(spec));
    const { ours, theirs } = bundle.both(
      ["sh", "-c", "id; cat /proc/self/uid_map; mount | sort; grep Cap /proc/self/status"],
      change,
    );
    Bun.spawnSync(["chown", "-R", "0:0", bundle.rootfs]);
    expect(mounts(ours.stdout)).toBe(mounts(theirs.stdout));
    expect(ours.code).toBe(0);
  });
});

describe("errors in runc's words", () => {
  const FAILING: readonly (readonly [string, readonly string[], ((spec: Spec) => Spec)?])[] = [
    ["no such program", ["foo"]],
    ["not executable", ["/etc/passwd"]],
    ["a directory", ["/etc"]],
    ["no such path", ["/nope"]],
    ["not a format", ["garbage"]],
    [
      "bind source is missing",
      ["true"],
      withMount({ destination: "/x", type: "bind", source: "/nonexistent", options: ["bind"] }),
    ],
    [
      "directory onto a file",
      ["true"],
      withMount({ destination: "/etc/passwd", type: "bind", source: "/tmp", options: ["bind"] }),
    ],
    ["no such sysctl", ["true"], linux({ sysctl: { "net.ipv4.nope": "1" } })],
    ["cwd is a file", ["true"], process_({ cwd: "/etc/passwd" })],
    ["cwd is relative", ["true"], process_({ cwd: "etc" })],
  ];
  for (const [name, args, change] of FAILING) {
    test(name, () => {
      const { ours, theirs } = bundle.both(args, change);
      expect(words(ours.stderr)).toBe(words(theirs.stderr));
      expect(ours.code).toBe(theirs.code);
    });
  }

  test("nothing is left behind", () => {
    expect(readdirSync(bundle.state)).toEqual([".filters"]);
    const left = Bun.spawnSync([
      "find",
      "/sys/fs/cgroup",
      "-name",
      `skiff-test-${process.pid}-*`,
    ]).stdout.toString();
    expect(left).toBe("");
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(bundle.directory);
  });
});

describe("lifecycle", () => {
  test("create, start, exec, pause, update, kill, delete", () => {
    bundle.configure(["sleep", "100"]);
    const id = bundle.id();
    const status = (): string => (JSON.parse(bundle.skiff("state", id).stdout) as { status: string }).status;
    expect(bundle.skiff("create", "--pid-file", join(bundle.directory, "pid"), id).code).toBe(0);
    expect(status()).toBe("created");
    expect(bundle.skiff("create", id).stderr).toContain("container with given ID already exists");
    const { pid } = JSON.parse(bundle.skiff("state", id).stdout) as { pid: number };
    expect(readFileSync(join(bundle.directory, "pid"), "utf8")).toBe(String(pid));
    /* CVE-2024-21626: nothing of ours may be open in a created container but the gate and procfs, which exec closes. */
    const fds = readdirSync(`/proc/${pid}/fd`)
      .map(Number)
      .filter((fd) => fd > 2);
    expect(fds.length).toBeLessThanOrEqual(2);
    expect(bundle.skiff("start", id).code).toBe(0);
    expect(status()).toBe("running");
    expect(readdirSync(`/proc/${pid}/fd`).length).toBe(3);
    expect(bundle.skiff("exec", id, "sh", "-c", "cat /proc/self/cgroup; exit 9").code).toBe(9);
    const cgroups = (text: string): string =>
      text
        .split("\n")
        .filter((line) => !line.startsWith("0:"))
        .join("\n");
    expect(cgroups(bundle.skiff("exec", id, "cat", "/proc/self/cgroup").stdout)).toBe(
      cgroups(readFileSync(`/proc/${pid}/cgroup`, "utf8")),
    );
    expect(bundle.skiff("exec", id, "foo").code).toBe(255);
    expect(JSON.parse(bundle.skiff("ps", "--format", "json", id).stdout)).toEqual([pid]);
    expect(bundle.skiff("pause", id).code).toBe(0);
    expect(status()).toBe("paused");
    expect(bundle.skiff("exec", id, "true").stderr).toContain("paused");
    expect(bundle.skiff("resume", id).code).toBe(0);
    expect(bundle.skiff("update", "--pids-limit", "17", id).code).toBe(0);
    expect(JSON.parse(bundle.skiff("events", "--stats", id).stdout)).toMatchObject({
      data: { pids: { limit: 17 } },
    });
    expect(bundle.skiff("delete", id).stderr).toContain("is not stopped: running");
    expect(bundle.skiff("kill", id, "KILL").code).toBe(0);
    for (let tries = 0; status() !== "stopped" && tries < 100; tries++) Bun.sleepSync(10);
    expect(status()).toBe("stopped");
    expect(bundle.skiff("delete", id).code).toBe(0);
    expect(bundle.skiff("state", id).stderr).toContain("container does not exist");
  }, 30_000);

  test("hooks run in order, in the right places, without our environment", () => {
    const log = join(bundle.directory, "hooks");
    const hook = join(bundle.directory, "hook.sh");
    const script = `#!/bin/sh\nread state\necho "$1 $(env | grep -vE '^(PWD|SHLVL|_)=' | tr '\\n' ' ')" >> $2\n`;
    writeFileSync(hook, script, { mode: 0o755 });
    const entry = (kind: string) => [{ path: hook, args: ["hook", kind, log], env: [`KIND=${kind}`] }];
    bundle.configure(["true"], (spec) => ({
      ...spec,
      hooks: Object.fromEntries(
        ["prestart", "createRuntime", "createContainer", "poststart", "poststop"].map((kind) => [
          kind,
          entry(kind),
        ]),
      ),
    }));
    expect(bundle.skiff("run", bundle.id()).code).toBe(0);
    const lines = readFileSync(log, "utf8")
      .trim()
      .split("\n")
      .map((line) => line.trim());
    expect(lines).toEqual(
      ["prestart", "createRuntime", "createContainer", "poststart", "poststop"].map(
        (kind) => `${kind} KIND=${kind}`,
      ),
    );
    rmSync(log);
  });

  test("terminal: controlling, of the size asked for", () => {
    bundle.configure(
      ["sh", "-c", "tty; stty size; echo x > /dev/tty"],
      process_({ terminal: true, consoleSize: { height: 30, width: 90 } }),
    );
    const id = bundle.id();
    expect(bundle.skiff("run", id).stdout).toBe("/dev/pts/0\n30 90\nx\n");
    expect(bundle.skiff("create", id).stderr).toContain("console socket");
    expect(bundle.skiff("state", id).code).toBe(1);
  });
});

describe("traps in the root file system", () => {
  const trap = (path: string, target: string, run: () => void): void => {
    const at = join(bundle.rootfs, path);
    rmSync(at, { recursive: true, force: true });
    symlinkSync(target, at);
    try {
      run();
    } finally {
      rmSync(at);
      mkdirSync(at);
    }
  };

  test("/proc or /sys as a link: refused (CVE-2019-19921, CVE-2023-27561)", () => {
    for (const path of ["proc", "sys"]) {
      trap(path, "/tmp", () => {
        bundle.configure(["true"]);
        const outcome = bundle.skiff("run", bundle.id());
        expect(outcome.stderr).toContain("must be mounted on ordinary directory");
        expect(outcome.code).toBe(1);
      });
    }
  });

  test("/dev as a link to the outside stays inside (CVE-2026-47766)", () => {
    const outside = join(bundle.directory, "outside");
    mkdirSync(outside);
    trap("dev", outside, () => {
      bundle.configure(["true"], (spec) => ({
        ...writable(spec),
        mounts: spec.mounts!.filter(({ destination }) => !destination.startsWith("/dev")),
      }));
      bundle.skiff("run", bundle.id());
      expect(readdirSync(outside)).toEqual([]);
    });
  });

  test("a mount's target through a link stays inside, and a dangling one is followed", () => {
    symlinkSync("../../../../run/made/resolv.conf", join(bundle.rootfs, "etc/resolv.conf"));
    bundle.configure(
      ["cat", "/run/made/resolv.conf"],
      withMount({
        destination: "/etc/resolv.conf",
        type: "bind",
        source: join(bundle.rootfs, "etc/passwd"),
        options: ["bind"],
      }),
    );
    const outcome = bundle.skiff("run", bundle.id());
    expect(outcome.stdout).toContain("root:x:0:0");
    expect(existsSync("/run/made")).toBe(false);
    rmSync(join(bundle.rootfs, "etc/resolv.conf"));
  });

  test("/dev/null replaced: masking fails instead of opening a door (CVE-2025-31133)", () => {
    symlinkSync("/proc/sys/kernel/core_pattern", join(bundle.rootfs, "dev/null"));
    bundle.configure(["true"], (spec) => ({
      ...writable(spec),
      mounts: spec.mounts!.filter(({ destination }) => !destination.startsWith("/dev")),
    }));
    const outcome = bundle.skiff("run", bundle.id());
    rmSync(join(bundle.rootfs, "dev"), { recursive: true });
    mkdirSync(join(bundle.rootfs, "dev"));
    expect(outcome.stderr).toContain("can't mask path");
  });

  test("cwd through a leaked descriptor (CVE-2024-21626)", () => {
    for (const fd of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) {
      bundle.configure(["sh", "-c", "ls /proc/self/cwd/../../.."], process_({ cwd: `/proc/self/fd/${fd}` }));
      expect(bundle.skiff("run", bundle.id()).code).not.toBe(0);
    }
  }, 30_000);
});
